//! A machine on which nobody but root may make namespaces: strangers' code is not run there, and
//! it is said why and what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// A user that nobody is, for tests that run as root.
const NOBODYS: &str = "60499";
/// Takes the right to make namespaces from all that it starts, and the means to get it back.
const FORBID: &str = "echo 0 >/proc/sys/user/max_user_namespaces || exit 99
exec setpriv --inh-caps=-all --ambient-caps=-all -- \"$@\"";

/// Runs the program as a user who may make no namespaces; `None` where that cannot be arranged.
fn forbidden(folder: &Path, arguments: &[&str]) -> Option<Output> {
    let program = folder.join("assay");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_assay"), &program).unwrap();
    }
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        command.args(["--reuid", NOBODYS, "--regid", NOBODYS, "--clear-groups"]);
    }
    command
        .args(["--", "unshare", "--user", "--map-current-user"])
        .args(["--keep-caps", "sh", "-c", FORBID, "sh"])
        .arg(&program)
        .args(arguments)
        .current_dir("/");
    let output = command.output().unwrap();
    // Where even this much is forbidden there is nothing left to be shown.
    let is_arranged = output.status.code() != Some(99)
        && !String::from_utf8_lossy(&output.stderr).starts_with("unshare: ");
    if !is_arranged {
        eprintln!("skipped: no user namespace for the test itself: {output:?}");
    }
    is_arranged.then_some(output)
}

#[test]
fn where_nobody_may_make_namespaces_nothing_is_run_whatever_was_waived() {
    let folder = crate::site::open_folder();
    let [lab, learner] = ["lab", "learner"].map(|name| folder.path().join(name));
    let canary = folder.path().join("canary");
    for (file, text) in [
        (
            lab.join("lab.toml"),
            format!(
                "[lab]\nslug = \"a\"\n[[step]]\nname = \"s\"\nrun = \"touch {}\"\n",
                canary.display()
            ),
        ),
        (learner.join("calc.sh"), "true\n".to_owned()),
    ] {
        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let [lab, learner] = [lab, learner].map(|path| path.display().to_string());
    let asked = ["verify", &learner, "--lab", &lab];
    let waived = [&asked[..], &["--dangerously-run-without-limits"]].concat();
    for (arguments, why) in [
        (&asked[..], "cannot enforce these limits"),
        (&waived[..], "unprivileged user namespaces must be allowed"),
    ] {
        let Some(output) = forbidden(folder.path(), arguments) else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(said.contains(why), "{why}: {said}");
        assert!(!canary.exists());
    }
}
