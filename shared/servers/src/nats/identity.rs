//! Owns what a private nats-server is known by over its restarts: its password and its ports.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rand::RngCore;
use serde::{Deserialize, Serialize};

use crate::error::{ServerError, file};
use crate::place;

/// The one user that the server knows.
const USER: &str = "assay";
/// Random bytes of its password.
const PASSWORD_BYTES: usize = 24;

/// The ports of one server, both on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    /// Where clients connect.
    pub(crate) client: u16,
    /// Where monitoring answers over HTTP.
    pub(crate) monitoring: u16,
}

/// What clients know of the server; kept in `identity.json`, readable by its owner alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) ports: Option<Ports>,
}

impl Identity {
    /// The identity of the server in `folder`; a new one where there is none, or none that can be
    /// read (then clients must be told anew, and nothing else is lost).
    pub(crate) fn load_or_create(folder: &Path) -> Result<Self, ServerError> {
        let path = folder.join("identity.json");
        let kept = fs::read(&path).ok();
        if let Some(identity) = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return Ok(identity);
        }
        let mut password = [0; PASSWORD_BYTES];
        rand::thread_rng().fill_bytes(&mut password);
        let identity = Self {
            user: USER.to_owned(),
            password: hex::encode(password),
            ports: None,
        };
        identity.save(folder)?;
        Ok(identity)
    }

    /// The same identity on these ports, saved if that is news.
    pub(crate) fn with_ports(self, folder: &Path, ports: Ports) -> Result<Self, ServerError> {
        if self.ports == Some(ports) {
            return Ok(self);
        }
        let identity = Self {
            ports: Some(ports),
            ..self
        };
        identity.save(folder)?;
        Ok(identity)
    }

    fn save(&self, folder: &Path) -> Result<(), ServerError> {
        let text = serde_json::to_vec(self).expect("strings and numbers are always JSON");
        write_private(&folder.join("identity.json"), &text)
    }
}

/// Replaces a file by one that only its owner can read, in one step.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), ServerError> {
    let new = path.with_extension("new");
    // A half-written one of a killed owner may have other permissions.
    let _ = fs::remove_file(&new);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&new, path))
        .map_err(file("write", path))
}

/// The process id that the last server in `folder` wrote down.
pub(crate) fn recorded_process(folder: &Path) -> Option<i32> {
    let text = fs::read_to_string(folder.join("nats-server.pid")).ok()?;
    text.trim().parse().ok()
}

/// Makes the folder for announced ports, without those of servers that were killed.
pub(crate) fn forget_announced_ports(folder: &Path) -> Result<(), ServerError> {
    let ports = folder.join("ports");
    match fs::remove_dir_all(&ports) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(file("empty folder", &ports)(error))
        }
        _ => place::make(&ports),
    }
}

/// The ports that the server with this process id has announced, once it listens.
pub(crate) fn announced_ports(folder: &Path, process: i32) -> Option<Ports> {
    let path = folder
        .join("ports")
        .join(format!("nats-server_{process}.ports"));
    parse_ports(&fs::read_to_string(path).ok()?)
}

fn parse_ports(text: &str) -> Option<Ports> {
    #[derive(Deserialize)]
    struct Announced {
        nats: Vec<String>,
        monitoring: Vec<String>,
    }
    let announced: Announced = serde_json::from_str(text).ok()?;
    let port = |urls: &[String]| urls.first()?.rsplit(':').next()?.parse().ok();
    Some(Ports {
        client: port(&announced.nats)?,
        monitoring: port(&announced.monitoring)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_from_a_whole_ports_file_only() {
        let whole =
            r#"{"nats":["nats://127.0.0.1:44271"],"monitoring":["http://127.0.0.1:39587"]}"#;
        let ports = Ports {
            client: 44271,
            monitoring: 39587,
        };
        assert_eq!(parse_ports(whole), Some(ports));
        for end in 0..whole.len() {
            assert_eq!(parse_ports(&whole[..end]), None, "{}", &whole[..end]);
        }
        assert_eq!(parse_ports(r#"{"nats":[],"monitoring":[]}"#), None);
    }

    #[test]
    fn an_identity_outlives_its_server_and_nobody_else_reads_it() {
        use std::os::unix::fs::PermissionsExt;

        let temp = tempfile::tempdir().unwrap();
        let first = Identity::load_or_create(temp.path()).unwrap();
        let ports = Ports {
            client: 1,
            monitoring: 2,
        };
        first.clone().with_ports(temp.path(), ports).unwrap();

        let again = Identity::load_or_create(temp.path()).unwrap();
        assert_eq!((again.password, again.ports), (first.password, Some(ports)));
        let file = fs::metadata(temp.path().join("identity.json")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
}
