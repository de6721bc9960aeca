//! Ends what an earlier owner left running on a folder. The caller holds the folder's lock, so
//! whoever still works there is nobody's.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::error::ServerError;

/// How long a leftover may take to end by itself (its owner's death told it to), in steps.
const PATIENT_STEPS: u32 = 100;
/// How many steps in all are waited, the later ones after a SIGKILL.
const STEPS_MAX: u32 = 400;
/// One step.
const STEP: Duration = Duration::from_millis(25);

/// What an earlier owner may have left running.
pub(crate) struct Leftover<'a> {
    /// The folder it serves.
    pub(crate) folder: &'a Path,
    /// The program's name.
    pub(crate) name: &'static str,
    /// The process id that it wrote down.
    pub(crate) recorded: Option<i32>,
    /// What ends it without harm to the folder.
    pub(crate) signal: Signal,
}

impl Leftover<'_> {
    /// Ends every process `name` that works in the folder (on Linux, where that can be seen), and
    /// the recorded process if its command line names the folder.
    pub(crate) async fn end(&self) -> Result<(), ServerError> {
        for step in 0..STEPS_MAX {
            let left = self.find();
            let Some(first) = left.first() else {
                return Ok(());
            };
            if step == 0 {
                tracing::info!(pid = *first, "ending a leftover {}", self.name);
            }
            let signal = match step {
                0 => Some(self.signal),
                PATIENT_STEPS => Some(Signal::KILL),
                _ => None,
            };
            for pid in left.iter().filter_map(|pid| Pid::from_raw(*pid)) {
                // One that ended meanwhile is what we want.
                signal.map(|signal| kill_process(pid, signal));
            }
            tokio::time::sleep(STEP).await;
        }
        match self.find().first() {
            Some(pid) => Err(ServerError::Leftover {
                pid: *pid,
                folder: self.folder.to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn find(&self) -> Vec<i32> {
        let mut found = working_in(self.folder, self.name);
        let recorded = self.recorded;
        found.extend(recorded.filter(|pid| is_serving(*pid, self.folder, self.name)));
        found
    }
}

/// The processes whose current folder is `folder`; zombies have none.
fn working_in(folder: &Path, name: &str) -> Vec<i32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pid_of = |entry: fs::DirEntry| entry.file_name().to_str()?.parse::<i32>().ok();
    processes
        .flatten()
        .filter_map(pid_of)
        .filter(|pid| {
            let process = Path::new("/proc").join(pid.to_string());
            fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == folder)
                && fs::read_to_string(process.join("comm")).is_ok_and(|comm| comm.trim() == name)
        })
        .collect()
}

/// Whether the process lives and was started as `name` on `folder`: its id alone may be another's.
fn is_serving(pid: i32, folder: &Path, name: &str) -> bool {
    let Some(process) = Pid::from_raw(pid).filter(|_| pid > 0) else {
        return false;
    };
    if test_kill_process(process) == Err(rustix::io::Errno::SRCH) {
        return false;
    }
    let line = command_line(pid);
    line.contains(name) && line.contains(&*folder.to_string_lossy())
}

fn command_line(pid: i32) -> String {
    if cfg!(target_os = "linux") {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        return String::from_utf8_lossy(&line).replace('\0', " ");
    }
    let ps = Command::new("ps")
        .args(["-o", "command=", "-p", &pid.to_string()])
        .output();
    ps.map(|ps| String::from_utf8_lossy(&ps.stdout).into_owned())
        .unwrap_or_default()
}
