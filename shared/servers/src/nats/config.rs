//! Writes the nats-server's configuration, every option that shapes its behaviour spelled out.

use std::path::{Path, PathBuf};

use crate::error::ServerError;
use crate::nats::identity::{Identity, Ports, write_private};

/// Largest message, in bytes: the server's own default, and what the claim check is built for.
const PAYLOAD_BYTES_MAX: u32 = 1024 * 1024;
/// What JetStream may use for streams in memory, in bytes; Assay has none.
const MEMORY_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// What goes into one configuration file.
pub(crate) struct Config<'a> {
    /// The server's folder.
    pub(crate) folder: &'a Path,
    /// Its user and password.
    pub(crate) identity: &'a Identity,
    /// Its ports; `None` lets the system choose.
    pub(crate) ports: Option<Ports>,
    /// What its streams may reserve, in bytes.
    pub(crate) store_bytes_max: u64,
    /// Users beside the one of the identity.
    pub(crate) users: &'a str,
    /// What else it is told.
    pub(crate) more: &'a str,
}

impl Config<'_> {
    /// Writes the file, readable by its owner alone, and gives back its path.
    pub(crate) fn write(&self) -> Result<PathBuf, ServerError> {
        let path = self.folder.join("nats-server.conf");
        write_private(&path, self.text().as_bytes())?;
        Ok(path)
    }

    fn text(&self) -> String {
        let port = |choose: fn(Ports) -> u16| match self.ports {
            Some(ports) => i32::from(choose(ports)),
            None => -1,
        };
        let (client, monitoring) = (port(|ports| ports.client), port(|ports| ports.monitoring));
        let ports_folder = quoted(&self.folder.join("ports"));
        let process_file = quoted(&self.folder.join("nats-server.pid"));
        let store = quoted(&self.folder.join("store"));
        let Identity { user, password, .. } = self.identity;
        let (store_bytes_max, users, more) = (self.store_bytes_max, self.users, self.more);
        format!(
            "# Written at every start of the private server; a change here is lost.\n\
             server_name: assay-private\n\
             listen: \"127.0.0.1:{client}\"\n\
             http: \"127.0.0.1:{monitoring}\"\n\
             ports_file_dir: {ports_folder}\n\
             pid_file: {process_file}\n\
             max_payload: {PAYLOAD_BYTES_MAX}\n\
             authorization {{\n\
             \x20 users = [\n\
             \x20   {{ user: \"{user}\", password: \"{password}\" }}\n\
             {users}\x20 ]\n\
             }}\n\
             jetstream {{\n\
             \x20 store_dir: {store}\n\
             \x20 # An acked message is on the disk.\n\
             \x20 sync_interval: always\n\
             \x20 max_memory_store: {MEMORY_BYTES_MAX}\n\
             \x20 max_file_store: {store_bytes_max}\n\
             }}\n{more}"
        )
    }
}

/// A path as the configuration's language quotes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ports: Option<Ports>) -> String {
        let identity = Identity {
            user: "assay".to_owned(),
            password: "secret".to_owned(),
            ports: None,
        };
        let config = Config {
            folder: Path::new("/data/a \"b\"/nats"),
            identity: &identity,
            ports,
            store_bytes_max: 7,
            more: "",
            users: "    { user: one, password: other }\n",
        };
        config.text()
    }

    #[test]
    fn a_message_is_synced_before_it_is_acked() {
        assert!(text(None).contains("\n  sync_interval: always\n"));
    }

    #[test]
    fn other_users_stand_beside_the_owner() {
        let text = text(None);
        let users = text.split_once("users = [").unwrap().1;
        let users = users.split_once(']').unwrap().0;
        assert_eq!(users.matches("user:").count(), 2, "{text}");
    }

    #[test]
    fn the_server_listens_on_loopback_and_on_known_ports_where_there_are_some() {
        let known = Ports {
            client: 1,
            monitoring: 2,
        };
        for (ports, client, monitoring) in [(None, "-1", "-1"), (Some(known), "1", "2")] {
            let text = text(ports);
            assert!(
                text.contains(&format!("listen: \"127.0.0.1:{client}\"")),
                "{text}"
            );
            assert!(
                text.contains(&format!("http: \"127.0.0.1:{monitoring}\"")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_path_with_quotes_stays_one_value() {
        assert!(text(None).contains(r#"store_dir: "/data/a \"b\"/nats/store""#));
    }
}
