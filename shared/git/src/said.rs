//! Owns what a failed fetch means: git's words, read once, put into ours.

use crate::error::GitError;
use crate::program::Bounds;

const MIB: u64 = 1024 * 1024;
/// Longest part of git's own words in a detail, in characters.
const SAID_CHARS_MAX: usize = 160;

/// What git's words mean, the first that fits. They are those of LC_ALL=C.
const MEANINGS: &[(&str, Meaning)] = &[
    ("No space left on device", Meaning::Machine),
    ("Disk quota exceeded", Meaning::Machine),
    ("died of signal 25", Meaning::Beyond(Bound::File)),
    ("File too large", Meaning::Beyond(Bound::File)),
    ("died of signal 24", Meaning::Beyond(Bound::Time)),
    ("Out of memory", Meaning::Beyond(Bound::Memory)),
    ("out of memory", Meaning::Beyond(Bound::Memory)),
    ("Cannot allocate memory", Meaning::Beyond(Bound::Memory)),
    ("unable to create thread", Meaning::Beyond(Bound::Memory)),
    (
        "exceeded maximum allowed tree depth",
        Meaning::Refused(TOO_DEEP),
    ),
    ("died of signal 11", Meaning::Refused(TOO_DEEP)),
    ("couldn't find remote ref", Meaning::NoSuchCommit),
    (
        "not found",
        Meaning::Unavailable("the forge has no such repository"),
    ),
    (
        "does not appear to be a git repository",
        Meaning::Unavailable("there is no git repository"),
    ),
    ("could not read Username", Meaning::Unavailable(WHO)),
    ("could not read Password", Meaning::Unavailable(WHO)),
    ("terminal prompts disabled", Meaning::Unavailable(WHO)),
    (
        "Authentication failed",
        Meaning::Unavailable("the forge refused our credentials"),
    ),
    (
        "Permission denied (",
        Meaning::Unavailable("the forge refused our key"),
    ),
    (
        "Host key verification failed",
        Meaning::Unavailable("the forge's host key is not one that is known"),
    ),
    ("returned error: 401", Meaning::Unavailable(WHO)),
    (
        "returned error: 403",
        Meaning::Unavailable("the forge refuses us: 403"),
    ),
    ("returned error: 3", Meaning::Unavailable(ELSEWHERE)),
    ("from redirection", Meaning::Unavailable(ELSEWHERE)),
    (
        "returned error: 429",
        Meaning::Unavailable("the forge limits our rate: 429"),
    ),
    (
        "returned error: 5",
        Meaning::Unavailable("the forge has trouble of its own"),
    ),
    (
        "Could not resolve host",
        Meaning::Unavailable("the forge's host name does not resolve"),
    ),
    ("Failed to connect", Meaning::Unavailable(UNREACHED)),
    ("Couldn't connect", Meaning::Unavailable(UNREACHED)),
    ("Connection refused", Meaning::Unavailable(UNREACHED)),
    ("Connection reset", Meaning::Unavailable(BROKEN_OFF)),
    ("Empty reply from server", Meaning::Unavailable(BROKEN_OFF)),
    (
        "Operation too slow",
        Meaning::Unavailable("the forge is too slow"),
    ),
    ("SSL", Meaning::Unavailable(CERTIFICATE)),
    ("certificate", Meaning::Unavailable(CERTIFICATE)),
    (
        "mismatched algorithms",
        Meaning::Unavailable("the forge names objects by another hash"),
    ),
    ("fsck error", Meaning::Refused(MALFORMED)),
    ("in packed object", Meaning::Refused(MALFORMED)),
    // The program that unpacks was killed and said nothing: its time was over.
    ("invalid index-pack output", Meaning::Beyond(Bound::Time)),
    ("early EOF", Meaning::Unavailable(BROKEN_OFF)),
    ("hung up unexpectedly", Meaning::Unavailable(BROKEN_OFF)),
];
/// What a forge's own words mean, which anybody may have written: never more than this.
const REMOTE_MEANINGS: &[(&str, Meaning)] = &[
    ("not our ref", Meaning::NoSuchCommit),
    ("unadvertised object", Meaning::NoSuchCommit),
    (
        "not found",
        Meaning::Unavailable("the forge has no such repository"),
    ),
];
const TOO_DEEP: &str = "the repository has a tree of more levels than git reads";
const MALFORMED: &str = "the repository has malformed objects";
const WHO: &str = "the forge asks for credentials";
const ELSEWHERE: &str = "the forge sends us elsewhere";
const UNREACHED: &str = "the forge cannot be reached";
const BROKEN_OFF: &str = "the forge broke off";
const CERTIFICATE: &str = "the forge's certificate does not hold";
/// Where in a line the forge's own words begin.
const REMOTE: [&str; 2] = ["remote: ", "remote error: "];

#[derive(Clone, Copy)]
enum Meaning {
    NoSuchCommit,
    Unavailable(&'static str),
    Refused(&'static str),
    Beyond(Bound),
    Machine,
}

/// Which of a command's bounds was in the way.
#[derive(Clone, Copy)]
enum Bound {
    File,
    Memory,
    Time,
}

impl Bound {
    fn told(self, bounds: Bounds) -> String {
        let Bounds {
            file_bytes_max: file,
            memory_bytes_max: memory,
            cpu_seconds_max: seconds,
        } = bounds;
        match self {
            Self::File => format!(
                "the repository is larger than may be fetched: its pack has more than {} MiB",
                file / MIB
            ),
            Self::Memory => format!(
                "the repository takes more memory to unpack than the {} MiB of a fetch",
                memory / MIB
            ),
            Self::Time => format!(
                "the repository takes more processor time to unpack than the {seconds} s of a fetch"
            ),
        }
    }
}

/// What a fetch that failed with these words within these bounds means; [`GitError::Corrupt`] when
/// nothing is known of them, since the cache may then be what is wrong.
pub fn explain(said: &str, bounds: Bounds) -> GitError {
    // What the forge makes git repeat is not git's.
    let (theirs, ours): (Vec<&str>, Vec<&str>) = said
        .lines()
        .partition(|line| REMOTE.iter().any(|begin| line.contains(begin)));
    let (theirs, ours) = (theirs.join("\n"), ours.join("\n"));
    let meaning = |said: &str, meanings: &[(&str, Meaning)]| {
        let known = meanings.iter().find(|(words, _)| said.contains(words));
        known.map(|(_, meaning)| *meaning)
    };
    let known = meaning(&theirs, REMOTE_MEANINGS).or_else(|| meaning(&ours, MEANINGS));
    match known {
        Some(Meaning::NoSuchCommit) => GitError::NoSuchCommit,
        Some(Meaning::Unavailable(detail)) => unavailable(detail),
        Some(Meaning::Refused(detail)) => {
            let which = fault(&ours).filter(|_| detail == MALFORMED);
            let which = which.map(|fault| format!(": {fault}"));
            let detail = format!("{detail}{}", which.unwrap_or_default());
            GitError::Refused { detail }
        }
        Some(Meaning::Beyond(bound)) => {
            let detail = bound.told(bounds);
            GitError::Refused { detail }
        }
        Some(Meaning::Machine) => {
            let source = std::io::Error::new(std::io::ErrorKind::StorageFull, last_words(&ours));
            GitError::Machine {
                action: "fetch",
                source,
            }
        }
        None if !theirs.is_empty() => unavailable("the forge gives an error of its own"),
        None => GitError::Corrupt {
            action: "fetch",
            said: last_words(&ours),
        },
    }
}

/// What git calls the fault of an object: `error: object <id>: hasDotgit: contains '.git'`.
fn fault(said: &str) -> Option<&str> {
    let mut lines = said.lines().filter_map(|line| line.split_once(": object "));
    let (_, object) = lines.next()?;
    let name = object.split(": ").nth(1)?;
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then_some(name)
}

/// The error of an origin that gives nothing, for this reason.
pub fn unavailable(detail: &str) -> GitError {
    let detail = detail.to_owned();
    GitError::SourceUnavailable { detail }
}

/// The last line that says something, without URLs: they may hold credentials.
pub fn last_words(said: &str) -> String {
    let line = said
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or_default();
    let words = line
        .split(' ')
        .map(|word| if word.contains("://") { "…" } else { word });
    let plain: String = words.collect::<Vec<_>>().join(" ");
    plain
        .chars()
        .filter(|c| !c.is_control())
        .take(SAID_CHARS_MAX)
        .collect()
}

#[cfg(test)]
mod tests;
