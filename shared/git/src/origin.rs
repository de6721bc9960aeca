//! Owns where a repository is fetched from: the URL that a source's settings give, or, for labs
//! alone, a URL or a folder that an operator names.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::access::Access;

/// Longest location, in bytes.
pub const LOCATION_BYTES_MAX: usize = 1024;
/// The schemes that git may fetch over. All others stay forbidden, `ext::` above all.
const SCHEMES: [(&str, u16); 4] = [("https", 443), ("http", 80), ("git", 9418), ("ssh", 22)];

/// Where a repository is fetched from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A URL.
    Url {
        /// What git is given.
        url: String,
        /// The scheme, the only one that git may use for it.
        scheme: &'static str,
        /// What it is reached with.
        access: Access,
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
        let known = SCHEMES.into_iter().find(|(known, _)| *known == scheme);
        let (scheme, _) = known.ok_or(BadLocation::Kind)?;
        let origin = Self::Url {
            url: url.to_owned(),
            scheme,
            access: Access::default(),
        };
        // What we do not read as git would is not fetched from.
        if origin.place().is_none() || rest.contains([' ', '\\']) {
            return Err(BadLocation::Kind);
        }
        Ok(origin)
    }

    /// The same origin, reached with `access`. A folder needs none.
    #[must_use]
    pub fn with_access(self, given: Access) -> Self {
        match self {
            Self::Url { url, scheme, .. } => Self::Url {
                url,
                scheme,
                access: given,
            },
            Self::Folder(folder) => Self::Folder(folder),
        }
    }

    /// Where its host is; `None` for a folder, or where the host does not read.
    pub fn place(&self) -> Option<Place<'_>> {
        let Self::Url { url, scheme, .. } = self else {
            return None;
        };
        let rest = url.get(scheme.len() + 3..)?;
        let held = rest.split('/').next()?;
        let authority = held
            .rsplit_once('@')
            .map_or(held, |(_, authority)| authority);
        let (_, usual) = SCHEMES.into_iter().find(|(known, _)| known == scheme)?;
        Place::read(authority, usual)
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

/// Where an origin's host is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place<'a> {
    /// Host and port as the URL has them.
    pub authority: &'a str,
    /// The host, without the brackets of an IPv6 address.
    pub host: &'a str,
    /// The port.
    pub port: u16,
}

impl<'a> Place<'a> {
    fn read(authority: &'a str, usual: u16) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                host.parse::<Ipv6Addr>().ok()?;
                (host, port)
            }
            None => {
                let end = authority.find(':').unwrap_or(authority.len());
                let (host, port) = authority.split_at(end);
                // A host that begins with a dash would be an option of ssh.
                if host.is_empty() || host.starts_with('-') || !host.bytes().all(plain) {
                    return None;
                }
                (host, port)
            }
        };
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
            None if port.is_empty() => usual,
            _ => return None,
        };
        Some(Self {
            authority,
            host,
            port,
        })
    }

    /// Whether whoever wrote the URL named this machine or an address, and not a name that
    /// somebody else gives an address to.
    pub fn is_named_outright(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost") || self.host.parse::<IpAddr>().is_ok()
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
            "https://h%2eevil/a",
            "https://h:x/a",
            "https://h:99999/a",
            "https://[::1/a",
            "https://?h/a",
            "https:///a",
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
        // What one program reads as a host and another as a user.
        let two_hosts = Origin::url("https://evil\\@good.example/a");
        assert_eq!(two_hosts, Err(BadLocation::Kind));
        assert_eq!(Origin::url("/srv/lab"), Err(BadLocation::Kind));
    }

    #[test]
    fn a_host_is_read_as_git_reads_it() {
        for (url, host, port, outright) in [
            ("https://forge.example/a", "forge.example", 443, false),
            ("http://LOCALHOST:8080/a", "LOCALHOST", 8080, true),
            ("ssh://git@h/a@b:c", "h", 22, false),
            ("git://10.0.0.1/a", "10.0.0.1", 9418, true),
            ("https://[fd00::1]:3000/a", "fd00::1", 3000, true),
            ("https://127.1/a", "127.1", 443, false),
        ] {
            let origin = Origin::url(url).unwrap();
            let place = origin.place().unwrap();
            let read = (place.host, place.port, place.is_named_outright());
            assert_eq!(read, (host, port, outright), "{url}");
        }
        assert_eq!(Origin::Folder("/a".into()).place(), None);
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
