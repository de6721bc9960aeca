//! Owns the cluster's files: where they lie, whose they are, and how they are made.

use std::fs::{self, DirBuilder, File};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;

use crate::account::{self, Account};
use crate::child::{Child, Plan};
use crate::error::{ServerError, file};
use crate::folder::DataFolder;
use crate::leftover::Leftover;
use crate::postgres::options;
use crate::postgres::{Durability, SOCKET};
use crate::program::PostgresPrograms;
use crate::{log, place};

/// How long making the cluster may take, in seconds.
const CREATE_SECS_MAX: u64 = 120;
/// The line of `postmaster.pid` that says how far the server is.
const STATUS_LINE: usize = 7;

/// The places of one cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The folder of everything else here.
    folder: PathBuf,
    /// The cluster itself.
    pub(crate) data: PathBuf,
    /// Where the socket is.
    pub(crate) sockets: PathBuf,
    /// The server's log.
    pub(crate) log: PathBuf,
    /// The account that it all belongs to; `None` is this process's own.
    pub(crate) account: Option<Account>,
}

impl Cluster {
    /// The cluster of a data folder; makes the folder around it.
    pub(crate) fn of(data: &Arc<DataFolder>) -> Result<Self, ServerError> {
        let folder = data.reachable().join("postgres");
        place::make(&folder)?;
        let data = folder.join("data");
        let account = owner(&data).or_else(account::unprivileged);
        if account::is_root() && account.is_none() {
            return Err(ServerError::NoAccount);
        }
        Ok(Self {
            sockets: place::socket_folder(&folder, SOCKET),
            log: folder.join("postgres.log"),
            data,
            folder,
            account,
        })
    }

    /// The major version that made the cluster, if there is one.
    pub(crate) fn made_by(&self) -> Result<Option<u32>, ServerError> {
        let path = self.data.join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(version) => Ok(version.trim().parse().ok()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file("read", &path)(error)),
        }
    }

    /// Ends what a killed owner left running, and takes away the marks of it, which could be
    /// mistaken for those of an unrelated process that was given the same id.
    pub(crate) async fn end_leftovers(&self) -> Result<(), ServerError> {
        let mark = self.data.join("postmaster.pid");
        let text = fs::read_to_string(&mark).unwrap_or_default();
        let recorded = text
            .lines()
            .next()
            .and_then(|line| line.trim().parse().ok());
        let old = Leftover {
            folder: &self.data,
            name: "postgres",
            recorded,
            signal: Signal::QUIT,
        };
        old.end().await?;
        for stale in [
            mark,
            self.sockets.join(SOCKET),
            self.sockets.join(format!("{SOCKET}.lock")),
        ] {
            match fs::remove_file(&stale) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(file("remove", &stale)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes the cluster and its database, whole or not at all.
    pub(crate) async fn create(
        &self,
        programs: &PostgresPrograms,
        durability: Durability,
    ) -> Result<(), ServerError> {
        let new = self.folder.join("data.new");
        if new.exists() {
            fs::remove_dir_all(&new).map_err(file("remove", &new))?;
        }
        self.make_private(&new)?;
        let arguments = options::create(&new, durability);
        self.run(programs.folder.join("initdb"), arguments, None)
            .await?;

        let statements = self.folder.join("create-database.sql");
        let text = options::prepare(durability);
        fs::write(&statements, text).map_err(file("write", &statements))?;
        let input = File::open(&statements).map_err(file("open", &statements))?;
        let arguments = options::single_user(&new, durability);
        self.run(programs.folder.join("postgres"), arguments, Some(input))
            .await?;

        fs::rename(&new, &self.data).map_err(file("name", &self.data))?;
        let folder = File::open(&self.folder).and_then(|folder| folder.sync_all());
        folder.map_err(file("sync", &self.folder))
    }

    /// Makes the folder of the socket.
    pub(crate) fn prepare(&self) -> Result<(), ServerError> {
        self.make_private(&self.sockets)
    }

    /// Whether the server with this process id says that it is ready.
    pub(crate) fn is_ready(&self, process: i32) -> bool {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        is_ready(&text, process)
    }

    /// The error of a program that ended.
    pub(crate) fn ended(&self, server: &'static str, status: ExitStatus) -> ServerError {
        ServerError::Ended {
            server,
            status,
            log: self.log.clone(),
            tail: log::tail(&self.log),
        }
    }

    async fn run(
        &self,
        program: PathBuf,
        arguments: Vec<String>,
        input: Option<File>,
    ) -> Result<(), ServerError> {
        let child = Child::start(Plan {
            program,
            arguments,
            variables: &[],
            folder: self.folder.clone(),
            input,
            log: log::open(&self.log)?,
            account: self.account,
            death_signal: "KILL",
        })?;
        if !child.wait_for(Duration::from_secs(CREATE_SECS_MAX)).await {
            child.signal(Signal::KILL);
            return Err(ServerError::TooSlow {
                server: "initdb",
                wanted: "done",
                limit_secs: CREATE_SECS_MAX,
                log: self.log.clone(),
                tail: log::tail(&self.log),
            });
        }
        match child.ended() {
            Some(status) if !status.success() => Err(self.ended("initdb", status)),
            _ => Ok(()),
        }
    }

    /// Makes a folder that only the cluster's account can enter. One that is there already must be
    /// such a folder: in `/tmp` somebody else could have put another.
    fn make_private(&self, folder: &Path) -> Result<(), ServerError> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(file("make folder", folder)(error));
            }
            _ => {}
        }
        let meta = fs::symlink_metadata(folder).map_err(file("look at", folder))?;
        let ours = rustix::process::geteuid().as_raw();
        let owner = self.account.map_or(ours, |account| account.user);
        let private = meta.is_dir() && meta.mode() & 0o077 == 0;
        match self.account {
            _ if private && meta.uid() == owner => Ok(()),
            // Just made, now or by an owner that was killed before it gave the folder away.
            Some(account) if private && meta.uid() == ours => {
                chown(folder, Some(account.user), Some(account.group))
                    .map_err(file("give away", folder))
            }
            _ => {
                let reason = "it is not a folder that only the server's account can enter";
                Err(file("use folder", folder)(Error::other(reason)))
            }
        }
    }
}

/// Whose cluster it is already; root's own is nobody's, since Postgres refuses root.
fn owner(data: &Path) -> Option<Account> {
    let meta = fs::metadata(data).ok()?;
    let account = Account {
        user: meta.uid(),
        group: meta.gid(),
    };
    (account::is_root() && account.user != 0).then_some(account)
}

fn is_ready(postmaster_pid: &str, process: i32) -> bool {
    let mut lines = postmaster_pid.lines();
    let ours = lines
        .next()
        .is_some_and(|line| line.trim() == process.to_string());
    ours && lines
        .nth(STATUS_LINE - 1)
        .is_some_and(|line| line.trim() == "ready")
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str = "42\n/data\n1795252865\n5432\n/sockets\n\n   5432   7\nready   \n";

    #[test]
    fn a_server_is_ready_when_its_own_mark_says_so() {
        assert!(is_ready(READY, 42));
        assert!(!is_ready(READY, 43), "a stale mark of another process");
        assert!(!is_ready(&READY.replace("ready", "starting"), 42));
        assert!(!is_ready("42\n/data\n", 42));
        assert!(!is_ready("", 42));
    }
}
