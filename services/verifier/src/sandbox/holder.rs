//! Owns the process that holds a run's file system where this one may not mount: it mounts a tmpfs
//! in user and mount namespaces of its own, and resizes it when it is told to. It reads its orders
//! until this process closes them or dies; then it ends, and the file system with it.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use report::harmless;

use crate::sandbox::programs;

/// Takes the folder and the first options; then each line is an order, and each order has one line
/// of answer. With the kind and the name given, `mount` adds no options of its own: the owner's
/// number would not be known in here.
const HOLD: &str =
    "said=$(mount -t tmpfs -o \"$2\" assay-run \"$1\" 2>&1) || { echo $said; exit 1; }
echo done
while read -r options; do
    said=$(mount -t tmpfs -o \"remount,$options\" assay-run \"$1\" 2>&1) && said=done
    echo $said
done";
/// What is answered when it was carried out.
const DONE: &str = "done\n";
/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 4_096;
/// Longest complaint that is kept, in characters.
const COMPLAINT_CHARS_MAX: usize = 200;

/// Holds one file system. Gone with it when dropped.
#[derive(Debug)]
pub(super) struct Holder {
    child: Child,
    /// `None` once it is to end.
    orders: Mutex<Option<Line>>,
    nsenter: PathBuf,
}

#[derive(Debug)]
struct Line {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Holder {
    /// Mounts a tmpfs with these options on the folder, as seen in namespaces of its own.
    ///
    /// # Errors
    /// Those of starting it, and what it complained of.
    pub(super) fn mount(folder: &Path, options: &str) -> io::Result<Self> {
        let find = |program| programs::find(program, "util-linux").map_err(io::Error::other);
        let nsenter = find("nsenter")?;
        let mut command = Command::new(find("unshare")?);
        command
            .args(["--user", "--map-root-user", "--mount"])
            .args(["/bin/sh", "-c", HOLD, "sh"])
            .arg(folder)
            .arg(options)
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a pipe is missing"));
        };
        let mut line = Line {
            orders,
            answers: BufReader::new(answers),
        };
        let mut holder = Self {
            child,
            orders: Mutex::new(None),
            nsenter,
        };
        match line.answer() {
            Ok(()) => holder.orders = Mutex::new(Some(line)),
            // It ended before it was in its namespaces.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let said = holder.child.stderr.take().map(io::read_to_string);
                return Err(refused(&said.transpose()?.unwrap_or_default()));
            }
            Err(error) => return Err(error),
        }
        Ok(holder)
    }

    /// Changes the mount's options.
    ///
    /// # Errors
    /// What it complained of.
    pub(super) fn remount(&self, options: &str) -> io::Result<()> {
        let mut line = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let line = line.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(line.orders, "{options}")?;
        line.answer()
    }

    /// Where this process finds the root of the holder's mounts.
    pub(super) fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.child.id()))
    }

    /// What a command line begins with that is to be run among the holder's mounts.
    pub(super) fn door(&self) -> Vec<OsString> {
        let target = self.child.id().to_string();
        let options = ["--target", &target, "--user", "--mount"];
        // Its user and group are ours already; nobody may set them there.
        let options = options.into_iter().chain(["--preserve-credentials", "--"]);
        let mut door = vec![self.nsenter.clone().into_os_string()];
        door.extend(options.map(OsString::from));
        door
    }
}

impl Line {
    fn answer(&mut self) -> io::Result<()> {
        let mut answer = String::new();
        let mut answers = self.answers.by_ref().take(ANSWER_BYTES_MAX);
        match answers.read_line(&mut answer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ if answer == DONE => Ok(()),
            _ => Err(refused(&answer)),
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.orders.lock().map(|mut line| line.take()));
        // It holds nothing but the mount, and may be gone already.
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = ended {
            tracing::warn!("left the holder of a run's file system behind: {error}");
        }
    }
}

fn refused(said: &str) -> io::Error {
    io::Error::other(harmless::line(said.trim(), COMPLAINT_CHARS_MAX))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::*;

    /// A holder of a folder, and where its files are reached; `None` where nobody may make one.
    fn held(folder: &Path) -> Option<(Holder, PathBuf)> {
        match Holder::mount(folder, "mode=0700,size=65536") {
            Ok(holder) => {
                let inside = holder.root().join(folder.strip_prefix("/").unwrap());
                Some((holder, inside))
            }
            Err(error) => {
                eprintln!("skipped: no file system can be mounted in a user namespace: {error}");
                None
            }
        }
    }

    #[test]
    fn what_is_held_is_bounded_and_seen_by_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let Some((holder, inside)) = held(folder.path()) else {
            return;
        };
        let file = inside.join("file");
        let full = fs::write(&file, [0; 70_000]).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        holder.remount("size=131072").unwrap();
        fs::write(&file, [0; 70_000]).unwrap();
        let refused = holder.remount("size=1k").unwrap_err().to_string();
        assert!(refused.contains("mount"), "{refused}");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "it is not mounted here"
        );
        drop(holder);
        assert!(!inside.exists());
    }

    #[test]
    fn a_holder_ends_when_nobody_gives_orders_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let Some((mut holder, inside)) = held(folder.path()) else {
            return;
        };
        // As when this process is killed.
        drop(holder.orders.get_mut().unwrap().take());
        let begun = Instant::now();
        while holder.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it waits on");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        assert!(!inside.exists());
    }

    #[test]
    fn why_nothing_can_be_held_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let told = Holder::mount(&missing, "size=65536")
            .unwrap_err()
            .to_string();
        assert!(told.contains("mount") || told.contains("unshare"), "{told}");
    }
}
