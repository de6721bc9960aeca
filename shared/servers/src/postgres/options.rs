//! Says what the server is told on its command line, and what clients are told of it. No IO.

use std::fmt::Write;
use std::path::Path;

use crate::postgres::cluster::Cluster;
use crate::postgres::{DATABASE, Durability, OWNER, PostgresSettings};

/// How large one file of the write-ahead log is, in MiB. Beyond those that are kept, each is made first:
/// one of 16 MiB, as it would be, is written with zeros and synced while everybody who writes waits, and
/// with them whoever else syncs to that disk (docs/PERFORMANCE.md).
const LOG_FILE_MIB: u32 = 1;
/// How much of that log is kept to be used again, in MiB: a rush of twenty thousand pushes.
const LOG_KEPT_MIB: u32 = 512;
/// How much there is between two checkpoints: what is usual with files of 16 MiB, since the program
/// that makes a cluster computes less from smaller ones.
const LOG_MAX: &str = "max_wal_size=1GB";

/// What glibc is told of the server's memory: a connection keeps up to 64 MiB that a statement gave back,
/// where by itself it would give all but 128 KiB back to the kernel and have it cleared anew for the next
/// one, a twentieth of what a busy server does. Another libc does not know these names.
pub(crate) const MEMORY: [(&str, &str); 2] = [
    ("MALLOC_TRIM_THRESHOLD_", "67108864"),
    ("MALLOC_MMAP_THRESHOLD_", "33554432"),
];

/// The server's arguments. They win over whatever its configuration files say.
pub(crate) fn server(cluster: &Cluster, settings: &PostgresSettings) -> Vec<String> {
    let sockets = cluster.sockets.display().to_string().replace('"', "\"\"");
    let listen = settings.listen.map(|at| at.to_string()).unwrap_or_default();
    let mut options = vec![
        format!("listen_addresses={listen}"),
        "port=5432".to_owned(),
        format!("unix_socket_directories=\"{sockets}\""),
        format!("max_connections={}", settings.max_connections),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "log_destination=stderr".to_owned(),
        "logging_collector=off".to_owned(),
        "log_checkpoints=off".to_owned(),
    ];
    options.extend(durability(settings.durability));
    options.push(log_kept(settings.durability));
    options.push(LOG_MAX.to_owned());
    // Of two of a name the last one holds.
    options.extend(settings.tuning.iter().cloned());
    let mut arguments = vec!["-D".to_owned(), cluster.data.display().to_string()];
    for option in options {
        arguments.extend(["-c".to_owned(), option]);
    }
    arguments
}

fn durability(durability: Durability) -> impl Iterator<Item = String> {
    let options: &[&str] = match durability {
        Durability::Durable => &["fsync=on", "synchronous_commit=on", "full_page_writes=on"],
        Durability::ForTests => &[
            "fsync=off",
            // On, or a killed server forgets commits that it has answered.
            "synchronous_commit=on",
            "full_page_writes=off",
            "shared_buffers=32MB",
        ],
    };
    options.iter().map(ToString::to_string)
}

fn log_kept(durability: Durability) -> String {
    match durability {
        Durability::Durable => format!("min_wal_size={LOG_KEPT_MIB}MB"),
        Durability::ForTests => "min_wal_size=80MB".to_owned(),
    }
}

/// What makes a cluster in `folder`.
pub(crate) fn create(folder: &Path, durability: Durability) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "--pgdata",
        &folder.display().to_string(),
        "--username",
        OWNER,
        "--auth=trust",
        "--encoding=UTF8",
        // Sorts by code point, on every machine alike.
        "--locale=C",
        "--data-checksums",
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.push(match durability {
        Durability::Durable => format!("--wal-segsize={LOG_FILE_MIB}"),
        Durability::ForTests => "--no-sync".to_owned(),
    });
    arguments
}

/// What the server is told while the cluster's database is made, by itself, without a client.
pub(crate) fn single_user(folder: &Path, durability: Durability) -> Vec<String> {
    let folder = folder.display().to_string();
    [
        "--single",
        "-D",
        &folder,
        "-c",
        "log_checkpoints=off",
        "-c",
        &log_kept(durability),
        "-c",
        LOG_MAX,
        "postgres",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The statements that make the database, and the files of the log of a server that keeps its data, a
/// statement a line. What is written there says nothing; its files are used again from the checkpoint on,
/// as they are where a server has run for a while (decision 0167).
pub(crate) fn prepare(durability: Durability) -> String {
    let mut statements = format!("CREATE DATABASE {DATABASE}\n");
    if durability == Durability::Durable {
        statements += &format!(
            "SELECT count(pg_logical_emit_message(false, 'assay', repeat(' ', 1024 * 1024))) \
             FROM generate_series(1, {LOG_KEPT_MIB})\nCHECKPOINT\n"
        );
    }
    statements
}

/// A connection string for a socket.
pub(crate) fn url(sockets: &Path, role: &str, database: &str) -> String {
    let host = percent_encoded(sockets.as_os_str().as_encoded_bytes());
    let (role, database) = (
        percent_encoded(role.as_bytes()),
        percent_encoded(database.as_bytes()),
    );
    format!("postgres://{role}@{host}/{database}")
}

fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(*byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_folder_becomes_the_host_of_the_url() {
        let url = url(Path::new("/tmp/a b/socket"), "assay_owner", "assay");
        assert_eq!(url, "postgres://assay_owner@%2Ftmp%2Fa%20b%2Fsocket/assay");
    }

    #[test]
    fn only_a_test_cluster_is_not_synced() {
        let options: Vec<String> = durability(Durability::Durable).collect();
        assert!(
            options.iter().all(|option| option.ends_with("=on")),
            "{options:?}"
        );
        let folder = Path::new("/data");
        assert!(!create(folder, Durability::Durable).contains(&"--no-sync".to_owned()));
        assert!(create(folder, Durability::ForTests).contains(&"--no-sync".to_owned()));
    }
}
