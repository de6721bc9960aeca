//! Owns which programs make a box, and where they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::CannotSandbox;

/// Oldest bubblewrap that has every option used here.
const VERSION_MIN: [u32; 3] = [0, 8, 0];
/// Where the box itself finds what bounds it; `/usr` is the same inside and outside.
pub(super) const PRLIMIT: &str = "/usr/bin/prlimit";

/// The programs, each by its full path.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    pub(super) bash: PathBuf,
    pub(super) setpriv: PathBuf,
    pub(super) bwrap: PathBuf,
    /// What bubblewrap says of itself.
    pub(super) version: String,
}

impl Programs {
    pub(super) fn find() -> Result<Self, CannotSandbox> {
        let bwrap = find("bwrap", "bubblewrap")?;
        if !Path::new(PRLIMIT).exists() {
            let (program, package) = (PRLIMIT, "util-linux");
            return Err(CannotSandbox::Missing { program, package });
        }
        let said = Command::new(&bwrap).arg("--version").output();
        let version = said.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let version = version.unwrap_or_default();
        if parse_version(&version).is_none_or(|version| version < VERSION_MIN) {
            return Err(CannotSandbox::TooOld { found: version });
        }
        Ok(Self {
            bash: find("bash", "bash")?,
            setpriv: find("setpriv", "util-linux")?,
            bwrap,
            version,
        })
    }
}

/// The program's full path.
///
/// # Errors
/// [`CannotSandbox::Missing`].
pub(super) fn find(program: &'static str, package: &'static str) -> Result<PathBuf, CannotSandbox> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .chain(usual)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .ok_or(CannotSandbox::Missing { program, package })
}

/// Reads `bubblewrap 0.8.0`.
fn parse_version(text: &str) -> Option<[u32; 3]> {
    let mut parts = text.split_whitespace().last()?.split('.');
    let mut next = || parts.next().map_or(Some(0), |part| part.parse().ok());
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_part_by_part() {
        for (text, new_enough) in [
            ("bubblewrap 0.8.0", true),
            ("bubblewrap 0.11.0", true),
            ("bubblewrap 1.0", true),
            ("bubblewrap 0.7.9", false),
            ("bubblewrap", false),
            ("", false),
        ] {
            let version = parse_version(text);
            assert_eq!(
                version.is_some_and(|v| v >= VERSION_MIN),
                new_enough,
                "{text}"
            );
        }
    }
}
