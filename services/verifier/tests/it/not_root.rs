//! Another user than root has every limit too, once a control group was handed to him: these tests
//! run others of this program again, as such a user.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use verifier::sandbox::account;

/// A user that nobody is, outside of the slots' range.
const NOBODYS: u32 = 60_499;

/// A group of this process's making in each hierarchy, the other user's to use.
struct Delegated {
    name: String,
    folders: Vec<PathBuf>,
    /// Where the other user begins, so that he may move what he starts.
    entries: Vec<PathBuf>,
}

impl Delegated {
    fn make() -> std::io::Result<Self> {
        let mut made = Self {
            name: format!("/assay-test-{}", std::process::id()),
            folders: Vec::new(),
            entries: Vec::new(),
        };
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let is_one = mounts.contains(" - cgroup cgroup ");
        let kind = if is_one { " - cgroup " } else { " - cgroup2 " };
        for line in mounts.lines().filter(|line| line.contains(kind)) {
            let point = Path::new(line.split(' ').nth(4).unwrap_or_default());
            let controllers = line.rsplit(' ').next().unwrap_or_default();
            let bounds = ["memory", "pids", "cpu", "cpuacct"];
            if is_one && !controllers.split(',').any(|name| bounds.contains(&name)) {
                continue;
            }
            let folder = point.join(&made.name[1..]);
            made.hand_over(&folder)?;
            if !is_one {
                fs::write(folder.join("cgroup.subtree_control"), "+memory +pids +cpu")?;
                let entry = folder.join("tests");
                made.hand_over(&entry)?;
                made.entries.push(entry.join("cgroup.procs"));
            }
        }
        Ok(made)
    }

    fn hand_over(&mut self, folder: &Path) -> std::io::Result<()> {
        fs::create_dir(folder)?;
        self.folders.push(folder.to_owned());
        chown(folder, Some(NOBODYS), Some(NOBODYS))?;
        for name in ["cgroup.procs", "cgroup.subtree_control"] {
            let file = folder.join(name);
            if file.exists() {
                chown(&file, Some(NOBODYS), Some(NOBODYS))?;
            }
        }
        Ok(())
    }

    /// Runs tests of this program as the other user.
    fn run(&self, tests: &[&str]) -> Output {
        let home = tempfile::tempdir().unwrap();
        chown(home.path(), Some(NOBODYS), Some(NOBODYS)).unwrap();
        let (_kept, program) = reachable();
        let id = NOBODYS.to_string();
        let enter =
            "while [ \"$1\" != -- ]; do echo 0 >\"$1\" || exit; shift; done; shift; exec \"$@\"";
        Command::new("sh")
            .args(["-c", enter, "sh"])
            .args(&self.entries)
            .args(["--", "setpriv", "--pdeathsig", "KILL"])
            .args(["--reuid", &id, "--regid", &id, "--clear-groups", "--"])
            .arg(program)
            .args(tests)
            .args(["--nocapture", "--test-threads=1"])
            .current_dir("/")
            .env("TMPDIR", home.path())
            .env("ASSAY_TEST_CONTROL_GROUP", &self.name)
            .output()
            .unwrap()
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        for folder in self.folders.iter().rev() {
            if let Err(error) = fs::remove_dir(folder) {
                eprintln!("left {}: {error}", folder.display());
            }
        }
    }
}

/// This program where anybody may run it: the folder that it was built in may be shut to others.
fn reachable() -> (TempDir, PathBuf) {
    let folder = crate::bench::scratch();
    let (own, copy) = (std::env::current_exe().unwrap(), folder.path().join("it"));
    fs::copy(&own, &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, copy)
}

/// Runs them, and gives what they said, if this machine lets another user have groups.
pub(crate) fn as_another(tests: &[&str]) -> Option<String> {
    if !account::is_root() {
        eprintln!("skipped: nobody but root can become another user; the others run as this one");
        return None;
    }
    let delegated = match Delegated::make() {
        Ok(delegated) => delegated,
        Err(error) => {
            eprintln!("skipped: no control group can be handed to another user here: {error}");
            return None;
        }
    };
    let output = delegated.run(tests);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    Some(said)
}

#[test]
fn a_user_who_is_not_root_has_every_limit_in_a_group_of_his_own() {
    let Some(said) = as_another(&["limits::"]) else {
        return;
    };
    assert!(!said.contains("skipped"), "{said}");
    assert!(
        said.contains("the_limit_that_stopped_a_run_is_named ... ok"),
        "{said}"
    );
}
