//! Says why a private server could not be had, in the words of who wanted it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use thiserror::Error;

/// Why a private server could not be started, stopped or placed.
#[derive(Debug, Error)]
pub enum ServerError {
    /// A file or folder did not let itself be used.
    #[error("{action} {}", path.display())]
    File {
        /// What was being done, as a bare verb phrase.
        action: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process owns the data folder.
    #[error("the data folder {} is in use by {owner}; one owner at a time", folder.display())]
    Locked {
        /// The data folder.
        folder: PathBuf,
        /// The process that says it owns it.
        owner: String,
    },
    /// A program is not on this machine, or is too old.
    #[error("no usable {program} on this machine ({looked}); run deploy/local/prerequisites")]
    NoProgram {
        /// The program.
        program: &'static str,
        /// Where it was looked for, and what was found instead.
        looked: String,
    },
    /// One of Postgres' client programs did not do what it was asked.
    #[error("{program} ended ({status}):\n{said}")]
    Client {
        /// The program.
        program: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The last lines it said, without those that may show rows.
        said: String,
    },
    /// There is no account without privileges to run Postgres as.
    #[error("root cannot run Postgres, and there is no account `postgres` or `nobody`")]
    NoAccount,
    /// The server ended when it should have been running.
    #[error("{server} ended ({status}); the last lines of {}:\n{tail}", log.display())]
    Ended {
        /// Which server.
        server: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// Its log file.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The server did not come up, or did not go, within its limit.
    #[error(
        "{server} was not {wanted} within {limit_secs} s; the last lines of {}:\n{tail}",
        log.display()
    )]
    TooSlow {
        /// Which server.
        server: &'static str,
        /// What was waited for.
        wanted: &'static str,
        /// The limit, in seconds.
        limit_secs: u64,
        /// Its log file.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// A process of an earlier owner holds the files and does not end.
    #[error("process {pid} of an earlier owner still uses {}", folder.display())]
    Leftover {
        /// The process.
        pid: i32,
        /// The files that it uses.
        folder: PathBuf,
    },
    /// The port that clients know is taken by somebody else.
    #[error("port {port} on 127.0.0.1, which clients of this server know, is taken")]
    PortTaken {
        /// The port.
        port: u16,
    },
}

/// Names the action and the file of an I/O error.
pub(crate) fn file<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> ServerError + use<'a> {
    move |source| ServerError::File {
        action,
        path: path.to_owned(),
        source,
    }
}
