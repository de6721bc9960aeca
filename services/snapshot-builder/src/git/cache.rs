//! Owns the bare repositories that fetches go into: one a repository, held by one worker at a
//! time, lost without harm. Must never check anything out.

use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use contract::name::CommitSha;
use tokio::process::Command;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::git::asker::Asker;
use crate::git::begun::Begun;
use crate::limits::Limits;
use git::error::GitError;
use git::origin::Origin;
use git::program::{FOLDER_CONFIGURATION, Reach, git};
use git::route::Route;
use git::running::{Ended, Running, Unanswered};
use git::said::last_words;

mod fetch;

/// Longest wait for a cache that somebody else works on, in seconds.
pub(super) const LOCK_WAIT_SECS: u64 = 300;
/// Longest a command may take that works on the cache alone, in seconds.
pub(crate) const READ_SECS_MAX: u64 = 60;
/// What the shell ends with when it cannot execute a program, and when there is none.
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;
/// Most that a short command prints, in bytes.
pub(crate) const SHORT_BYTES_MAX: u64 = 64 * 1024;

/// The caches of one machine, in one folder that several processes may share.
#[derive(Debug)]
pub struct Caches {
    pub(crate) folder: PathBuf,
    pub(crate) fetch_seconds_max: u64,
    pub(crate) limits: Limits,
    held: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
}

/// One repository's cache, held until it is dropped.
#[derive(Debug)]
pub struct Cache {
    repository: PathBuf,
    configuration: PathBuf,
    origin: Origin,
    object_format: &'static str,
    fetch_seconds_max: u64,
    limits: Limits,
    /// Whether something was fetched while it was held: then nothing can have been lost since.
    fetched: AtomicBool,
    /// How many packs it had when it was last bounded.
    packs: AtomicUsize,
    /// Asked for objects while it is held; gone with what it read from.
    asker: AsyncMutex<Option<Asker>>,
    /// Begun before their answers are asked for; gone with what they read from.
    begun: Begun,
    // Two locks: one is fair and costs no thread, the other is seen by other processes.
    _among_tasks: OwnedMutexGuard<()>,
    _among_processes: File,
}

impl Caches {
    /// Opens the folder of the caches, and makes it where it is missing.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub fn open(folder: &Path, fetch_seconds_max: u64, limits: Limits) -> Result<Self, GitError> {
        let made = std::fs::create_dir_all(folder);
        made.map_err(GitError::machine("make the folder of the caches"))?;
        let folder = std::path::absolute(folder);
        let folder = folder.map_err(GitError::machine("find the folder of the caches"))?;
        let configuration = folder.join("folder.gitconfig");
        std::fs::write(configuration, FOLDER_CONFIGURATION).map_err(GitError::machine(
            "write a file into the folder of the caches",
        ))?;
        let held = Mutex::default();
        Ok(Self {
            folder,
            fetch_seconds_max,
            limits,
            held,
        })
    }

    /// Takes hold of an origin's cache, and makes it where it is missing. `commit` is any commit
    /// of it: its length says by which hash the repository names objects.
    ///
    /// # Errors
    /// [`GitError::Busy`] and [`GitError::Machine`].
    pub async fn hold(&self, origin: Origin, commit: &CommitSha) -> Result<Cache, GitError> {
        let object_format = if commit.as_str().len() == 64 {
            "sha256"
        } else {
            "sha1"
        };
        let name = format!("{}-{object_format}", origin.cache_name());
        let limit = Duration::from_secs(LOCK_WAIT_SECS);
        let locks = tokio::time::timeout(limit, self.lock(&name)).await;
        let (among_tasks, among_processes) = locks.map_err(|_| GitError::Busy)??;
        let cache = Cache {
            repository: self.folder.join(format!("{name}.git")),
            configuration: self.folder.join("folder.gitconfig"),
            origin,
            object_format,
            fetch_seconds_max: self.fetch_seconds_max,
            limits: self.limits,
            fetched: AtomicBool::new(false),
            packs: AtomicUsize::new(0),
            asker: AsyncMutex::new(None),
            begun: Begun::default(),
            _among_tasks: among_tasks,
            _among_processes: among_processes,
        };
        cache.make().await?;
        Ok(cache)
    }

    pub(super) async fn lock(&self, name: &str) -> Result<(OwnedMutexGuard<()>, File), GitError> {
        let among_tasks = self.task_lock(name).lock_owned().await;
        let path = self.folder.join(format!("{name}.lock"));
        let locking = tokio::task::spawn_blocking(move || {
            let file = File::options().create(true).append(true).open(path)?;
            file.lock()?;
            Ok(file)
        });
        let locked = locking.await.map_err(std::io::Error::other).flatten();
        Ok((
            among_tasks,
            locked.map_err(GitError::machine("lock a cache"))?,
        ))
    }

    fn task_lock(&self, name: &str) -> Arc<AsyncMutex<()>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = held.get(name).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(AsyncMutex::new(()));
        held.insert(name.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

impl Cache {
    /// Sees to it that the commit and its history are in the cache; asks the origin only if they
    /// are not.
    ///
    /// # Errors
    /// [`GitError`].
    pub async fn ensure(&self, commit: &CommitSha) -> Result<(), GitError> {
        if self.has(commit).await? {
            return Ok(());
        }
        self.ensured(commit, self.fetch(commit).await).await
    }

    /// The same for a push's head that is hardly there yet: git begins to fetch it while the cache is
    /// asked, and is stopped where it has it. What is asked of it next is begun meanwhile. All of them
    /// take a few milliseconds to begin, the fetch the most.
    ///
    /// # Errors
    /// [`GitError`].
    pub async fn ensure_new(&self, commit: &CommitSha) -> Result<(), GitError> {
        let mut fetch = Box::pin(self.fetch(commit));
        let mut has = pin!(async {
            self.begin(commit)?;
            self.has(commit).await
        });
        let mut fetched = None;
        let is_there = loop {
            tokio::select! {
                biased;
                early = &mut fetch, if fetched.is_none() => fetched = Some(early),
                is_there = &mut has => break is_there?,
            }
        };
        let fetched = match fetched {
            Some(Ok(())) => Ok(()),
            _ if is_there => {
                drop(fetch);
                // What is there may have come by this very fetch.
                return self.bound(commit).await;
            }
            Some(failed) => failed,
            None => fetch.await,
        };
        self.ensured(commit, fetched).await
    }

    /// What came of a fetch: once more where the cache may be corrupt, and bounded.
    async fn ensured(
        &self,
        commit: &CommitSha,
        fetched: Result<(), GitError>,
    ) -> Result<(), GitError> {
        let fetched = match fetched {
            Err(GitError::Corrupt { action, said }) => {
                tracing::warn!(action, said, "make a cache anew that may be corrupt");
                self.renew().await?;
                self.fetch(commit).await.map_err(GitError::or_unavailable)
            }
            fetched => fetched,
        };
        fetched?;
        self.fetched.store(true, Ordering::Relaxed);
        self.bound(commit).await?;
        // What was asked for may be a tag or a tree.
        if self.has(commit).await? {
            Ok(())
        } else {
            Err(GitError::NoSuchCommit)
        }
    }

    /// What a snapshot may hold.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn repository(&self) -> &Path {
        &self.repository
    }

    pub(crate) fn kept_asker(&self) -> &AsyncMutex<Option<Asker>> {
        &self.asker
    }

    pub(crate) fn begun(&self) -> &Begun {
        &self.begun
    }

    pub(crate) fn packs(&self) -> &AtomicUsize {
        &self.packs
    }

    pub(crate) fn has_fetched(&self) -> bool {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Throws away what is cached, and begins anew.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub async fn renew(&self) -> Result<(), GitError> {
        self.throw_away().await?;
        self.make().await
    }

    /// Throws away what is cached, for good: whoever holds the cache next makes it again.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub async fn discard(self) -> Result<(), GitError> {
        self.throw_away().await
    }

    async fn throw_away(&self) -> Result<(), GitError> {
        *self.asker.lock().await = None;
        self.begun.forget();
        match tokio::fs::remove_dir_all(&self.repository).await {
            Err(err) if err.kind() != ErrorKind::NotFound => {
                Err(GitError::machine("remove a cache")(err))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn git(&self, reach: Reach<'_>) -> Command {
        git(&self.repository, reach, self.limits.git)
    }

    /// Runs a command on the cache alone.
    pub(crate) async fn run(
        &self,
        mut command: Command,
        output_bytes_max: u64,
        action: &'static str,
    ) -> Result<Ended, GitError> {
        ended(Running::start(&mut command)?, output_bytes_max, action).await
    }

    async fn make(&self) -> Result<(), GitError> {
        // HEAD is written last of what matters, so a cache without it was never finished.
        if tokio::fs::try_exists(self.repository.join("HEAD"))
            .await
            .unwrap_or(false)
        {
            return Ok(());
        }
        let mut command = self.git(Reach::Cache);
        command.args([
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--initial-branch=none",
        ]);
        command.arg(format!("--object-format={}", self.object_format));
        let ended = self.run(command, SHORT_BYTES_MAX, "make a cache").await?;
        if ended.status.success() {
            return Ok(());
        }
        let source = std::io::Error::other(last_words(&ended.said));
        Err(GitError::Machine {
            action: "make a cache",
            source,
        })
    }
}

/// Waits for a command that works on the cache alone.
pub(crate) async fn ended(
    running: Running,
    output_bytes_max: u64,
    action: &'static str,
) -> Result<Ended, GitError> {
    let ended = running.finish(READ_SECS_MAX, output_bytes_max).await;
    answered(ended, action)
}

/// What is allowed on the way to an origin; without a way it is a folder.
pub(crate) fn reach<'a>(route: Option<&'a Route>, configuration: &'a Path) -> Reach<'a> {
    match route {
        Some(route) => Reach::Forge(route),
        None => Reach::Folder { configuration },
    }
}

/// What it means that a command gave no whole answer, or that there was no program to give one.
pub(crate) fn answered(
    ended: Result<Ended, Unanswered>,
    action: &'static str,
) -> Result<Ended, GitError> {
    let refused = |what: &str| GitError::Refused {
        detail: format!("{action}: {what}"),
    };
    match ended {
        Ok(ended) if matches!(ended.status.code(), Some(NOT_EXECUTABLE | NOT_FOUND)) => {
            let source = std::io::Error::new(ErrorKind::NotFound, last_words(&ended.said));
            Err(GitError::Machine { action, source })
        }
        Ok(ended) => Ok(ended),
        Err(Unanswered::TimedOut) => Err(refused("takes too long")),
        Err(Unanswered::TooLong) => Err(refused("says too much")),
        Err(Unanswered::Machine(source)) => Err(GitError::Machine { action, source }),
    }
}
