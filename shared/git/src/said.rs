//! Owns what a failed fetch means: git's words, read once, put into ours.

use crate::error::GitError;

/// Longest part of git's own words in a detail, in characters.
const SAID_CHARS_MAX: usize = 160;

/// What git's words mean, the first that fits. They are those of LC_ALL=C.
const MEANINGS: &[(&str, Meaning)] = &[
    ("No space left on device", Meaning::Machine),
    ("Disk quota exceeded", Meaning::Machine),
    (
        "died of signal 25",
        Meaning::Refused("the repository is larger than may be fetched"),
    ),
    (
        "File too large",
        Meaning::Refused("the repository is larger than may be fetched"),
    ),
    ("not our ref", Meaning::NoSuchCommit),
    ("unadvertised object", Meaning::NoSuchCommit),
    ("couldn't find remote ref", Meaning::NoSuchCommit),
    (
        "not found",
        Meaning::Unavailable("the forge has no such repository"),
    ),
    (
        "does not appear to be a git repository",
        Meaning::Unavailable("there is no git repository"),
    ),
    (
        "could not read Username",
        Meaning::Unavailable("the forge asks for credentials"),
    ),
    (
        "terminal prompts disabled",
        Meaning::Unavailable("the forge asks for credentials"),
    ),
    (
        "Authentication failed",
        Meaning::Unavailable("the forge refused our credentials"),
    ),
    (
        "returned error: 401",
        Meaning::Unavailable("the forge asks for credentials"),
    ),
    (
        "returned error: 403",
        Meaning::Unavailable("the forge refuses us: 403"),
    ),
    (
        "returned error: 3",
        Meaning::Unavailable("the forge sends us elsewhere"),
    ),
    (
        "from redirection",
        Meaning::Unavailable("the forge sends us elsewhere"),
    ),
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
    (
        "Failed to connect",
        Meaning::Unavailable("the forge cannot be reached"),
    ),
    (
        "Couldn't connect",
        Meaning::Unavailable("the forge cannot be reached"),
    ),
    (
        "Connection refused",
        Meaning::Unavailable("the forge cannot be reached"),
    ),
    (
        "Connection reset",
        Meaning::Unavailable("the forge broke off"),
    ),
    (
        "Empty reply from server",
        Meaning::Unavailable("the forge broke off"),
    ),
    (
        "Operation too slow",
        Meaning::Unavailable("the forge is too slow"),
    ),
    ("early EOF", Meaning::Unavailable("the forge broke off")),
    (
        "hung up unexpectedly",
        Meaning::Unavailable("the forge broke off"),
    ),
    (
        "SSL",
        Meaning::Unavailable("the forge's certificate does not hold"),
    ),
    (
        "certificate",
        Meaning::Unavailable("the forge's certificate does not hold"),
    ),
    (
        "mismatched algorithms",
        Meaning::Unavailable("the forge names objects by another hash"),
    ),
    (
        "fsck error",
        Meaning::Refused("the repository has malformed objects"),
    ),
    (
        "in packed object",
        Meaning::Refused("the repository has malformed objects"),
    ),
];

enum Meaning {
    NoSuchCommit,
    Unavailable(&'static str),
    Refused(&'static str),
    Machine,
}

/// What a fetch that failed with these words means; [`GitError::Corrupt`] when nothing is known
/// of them, since the cache may then be what is wrong.
pub fn explain(said: &str) -> GitError {
    let known = MEANINGS.iter().find(|(words, _)| said.contains(words));
    match known.map(|(_, meaning)| meaning) {
        Some(Meaning::NoSuchCommit) => GitError::NoSuchCommit,
        Some(Meaning::Unavailable(detail)) => unavailable(detail),
        Some(Meaning::Refused(detail)) => {
            let detail = (*detail).to_owned();
            GitError::Refused { detail }
        }
        Some(Meaning::Machine) => {
            let source = std::io::Error::new(std::io::ErrorKind::StorageFull, last_words(said));
            GitError::Machine {
                action: "fetch",
                source,
            }
        }
        None => GitError::Corrupt {
            action: "fetch",
            said: last_words(said),
        },
    }
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
mod tests {
    use super::*;

    #[test]
    fn gits_words_are_put_into_ours() {
        for (said, ours) in [
            (
                "fatal: repository 'http://u:p@h/a.git/' not found",
                "the forge has no such repository",
            ),
            (
                "fatal: unable to access 'http://h/': Failed to connect to h port 1 after 0 ms: \
                 Couldn't connect to server",
                "the forge cannot be reached",
            ),
            (
                "fatal: unable to access 'http://h/': The requested URL returned error: 302",
                "the forge sends us elsewhere",
            ),
            (
                "fatal: unable to access 'http://h/': The requested URL returned error: 503",
                "the forge has trouble of its own",
            ),
            (
                "fatal: could not read Username for 'http://h': terminal prompts disabled",
                "the forge asks for credentials",
            ),
        ] {
            let err = explain(said);
            assert!(
                matches!(err, GitError::SourceUnavailable { .. }),
                "{said}: {err:?}"
            );
            assert_eq!(err.to_string(), ours);
        }
        let missing = explain("fatal: remote error: upload-pack: not our ref 12ab");
        assert!(matches!(missing, GitError::NoSuchCommit), "{missing:?}");
        let refused = explain(
            "error: object 1: hasDotdot: contains '..'\nfatal: fsck error in packed object",
        );
        assert!(matches!(refused, GitError::Refused { .. }), "{refused:?}");
        let full = explain("fatal: write error: No space left on device");
        assert!(full.is_transient(), "{full:?}");
        let odd = explain("warning: x\nfatal: loose object 1 is corrupt\n\n");
        assert!(matches!(odd, GitError::Corrupt { .. }), "{odd:?}");
    }

    #[test]
    fn last_words_hold_no_url() {
        let said = "a\nfatal: unable to access 'https://u:p@h/x/': odd\u{7}\n";
        assert_eq!(last_words(said), "fatal: unable to access … odd");
        assert_eq!(last_words(&"x".repeat(500)).len(), SAID_CHARS_MAX);
        assert_eq!(last_words(""), "");
    }
}
