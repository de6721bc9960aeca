//! Owns where a repository is fetched from: the URL that a source's settings give, or, for labs
//! alone, a URL or a folder that an operator names.

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

/// Longest location, in bytes.
pub const LOCATION_BYTES_MAX: usize = 1024;
/// The schemes that git may fetch over. All others stay forbidden, `ext::` above all.
const SCHEMES: [&str; 4] = ["https", "http", "git", "ssh"];

/// Where a repository is fetched from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A URL.
    Url {
        /// What git is given.
        url: String,
        /// The scheme, the only one that git may use for it.
        scheme: &'static str,
    },
    /// A folder of this machine, absolute.
    Folder(PathBuf),
}

/// Why a location was refused.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum BadLocation {
    /// It is empty, too long, or holds control characters.
    #[error("a location is 1 to {LOCATION_BYTES_MAX} bytes without control characters")]
    Form,
    /// Neither a URL that we fetch from nor an absolute path.
    #[error("expected a URL that begins with https://, http://, git:// or ssh://, or a full path")]
    Kind,
    /// A password in it would be written into the ledger, for ever.
    #[error("the URL holds credentials, which the ledger would keep for ever")]
    Credentials,
}

impl Origin {
    /// Takes a URL.
    ///
    /// # Errors
    /// [`BadLocation`].
    pub fn url(url: &str) -> Result<Self, BadLocation> {
        let sound = (1..=LOCATION_BYTES_MAX).contains(&url.len());
        if !sound || url.chars().any(char::is_control) {
            return Err(BadLocation::Form);
        }
        let (scheme, rest) = url.split_once("://").ok_or(BadLocation::Kind)?;
        let known = SCHEMES.into_iter().find(|known| *known == scheme);
        let scheme = known.ok_or(BadLocation::Kind)?;
        let host = rest.split('/').next().unwrap_or_default();
        // A host that begins with a dash would be an option of ssh.
        if host.is_empty() || host.starts_with('-') || rest.contains(' ') {
            return Err(BadLocation::Kind);
        }
        Ok(Self::Url {
            url: url.to_owned(),
            scheme,
        })
    }

    /// Takes what an operator names: a URL, or a folder of this machine.
    ///
    /// # Errors
    /// [`BadLocation`].
    pub fn of_operator(location: &str) -> Result<Self, BadLocation> {
        let sound = (1..=LOCATION_BYTES_MAX).contains(&location.len());
        if !sound || location.chars().any(char::is_control) {
            return Err(BadLocation::Form);
        }
        if Path::new(location).is_absolute() {
            return Ok(Self::Folder(PathBuf::from(location)));
        }
        match credentials(location) {
            Some(_) => Err(BadLocation::Credentials),
            None => Self::url(location),
        }
    }

    /// The name of its cache: nothing of the location shows in it, nor can leave the folder.
    pub fn cache_name(&self) -> String {
        let digest = Sha256::digest(self.as_text().as_bytes());
        hex::encode(&digest[..16])
    }

    /// What git is given.
    pub fn as_text(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Url { url, .. } => url.into(),
            Self::Folder(folder) => folder.to_string_lossy(),
        }
    }
}

/// Without what a URL may hold before its host.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_credentials(&self.as_text()))
    }
}

/// A location as it may be written down.
pub fn without_credentials(location: &str) -> String {
    match credentials(location) {
        Some(held) => location.replacen(held, "…", 1),
        None => location.to_owned(),
    }
}

/// What stands between a URL's scheme and its host, a plain user name of ssh excepted.
fn credentials(location: &str) -> Option<&str> {
    let (scheme, rest) = location.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (held, _) = authority.rsplit_once('@')?;
    let plain_user = scheme == "ssh" && !held.contains(':');
    (!plain_user && !held.is_empty()).then_some(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_known_schemes_and_full_paths_are_taken() {
        for good in [
            "https://example.org/a/b.git",
            "http://127.0.0.1:80/a",
            "ssh://git@h/a",
        ] {
            assert!(
                matches!(Origin::of_operator(good), Ok(Origin::Url { .. })),
                "{good}"
            );
        }
        assert_eq!(
            Origin::of_operator("/srv/lab"),
            Ok(Origin::Folder("/srv/lab".into()))
        );
        for bad in [
            "lab",
            "./lab",
            "ext::sh -c x",
            "https://h/a b",
            "file:///srv",
            "-u",
            "ssh://-oProxy=x/a",
        ] {
            assert_eq!(Origin::of_operator(bad), Err(BadLocation::Kind), "{bad}");
        }
        for bad in [
            "",
            "https://h/\n",
            &format!("https://h/{}", "x".repeat(2000)),
        ] {
            assert_eq!(Origin::of_operator(bad), Err(BadLocation::Form), "{bad}");
        }
        assert_eq!(Origin::url("/srv/lab"), Err(BadLocation::Kind));
    }

    #[test]
    fn credentials_are_refused_and_never_shown() {
        let held = "https://me:secret@example.org/a/b.git";
        assert_eq!(Origin::of_operator(held), Err(BadLocation::Credentials));
        assert_eq!(without_credentials(held), "https://…@example.org/a/b.git");
        let configured = Origin::url("https://token@example.org/a@b").unwrap();
        assert_eq!(configured.to_string(), "https://…@example.org/a@b");
        assert_eq!(without_credentials("https://h/a@b"), "https://h/a@b");
    }

    #[test]
    fn caches_have_names_that_differ_and_stay_in_their_folder() {
        let name = |url: &str| Origin::url(url).unwrap().cache_name();
        assert_ne!(name("https://h/a/../../b"), name("https://h/b"));
        assert!(
            name("https://h/a/../../b")
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit())
        );
    }
}
