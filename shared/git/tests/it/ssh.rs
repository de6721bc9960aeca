//! What `ssh` is given: an `ssh` of our own writes it down.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use git::access::{Access, Login, Network};
use git::origin::Origin;
use git::program::{Bounds, Reach, outside};
use git::running::Running;
use git::said::explain;

const SECS_MAX: u64 = 30;
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Runs `ls-remote` with an `ssh` that writes down its arguments and environment, and says `says`.
async fn asked(folder: &Path, login: Option<Login>, says: &str) -> (Vec<String>, String, String) {
    let (argv, environment) = (folder.join("argv"), folder.join("environ"));
    let program = folder.join("ssh");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >'{}'\n/usr/bin/env >'{}'\necho '{says}' >&2\nexit 255\n",
        argv.display(),
        environment.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let origin = Origin::url("ssh://git@forge.example:2222/octo/hello.git").unwrap();
    let origin = origin.with_access(Access {
        login,
        network: Network::Any,
    });
    let route = origin.route().await.unwrap().unwrap();
    let reach = Reach::Forge(&route);
    let mut command = outside(reach, Bounds::default());
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.display()));
    command.args(["ls-remote", "--", &origin.as_text()]);
    let running = Running::start_for(&mut command, reach).await.unwrap();
    let ended = running.finish(SECS_MAX, ANSWER_BYTES_MAX).await.unwrap();
    let argv = fs::read_to_string(argv).unwrap();
    let argv = argv.lines().map(str::to_owned).collect();
    (argv, fs::read_to_string(environment).unwrap(), ended.said)
}

#[tokio::test]
async fn ssh_has_the_sources_key_and_host_keys_and_nothing_of_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("with 'odd' names");
    fs::create_dir(&files).unwrap();
    let (key, known_hosts) = (files.join("key"), files.join("known hosts"));
    fs::write(&key, "PRIVATE KEY").unwrap();
    let login = Login::Key {
        key: key.clone(),
        known_hosts: known_hosts.clone(),
    };
    let says = "git@forge.example: Permission denied (publickey).";
    let (argv, environment, said) = asked(folder.path(), Some(login), says).await;
    let pair = |first: &str, second: &str| {
        argv.windows(2)
            .any(|pair| pair[0] == first && pair[1] == second)
    };
    assert!(
        pair("-F", "none") && pair("-i", key.to_str().unwrap()),
        "{argv:?}"
    );
    let hosts = format!("UserKnownHostsFile=\"{}\"", known_hosts.display());
    for option in [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "PermitLocalCommand=no",
        &hosts,
    ] {
        assert!(pair("-o", option), "{option}: {argv:?}");
    }
    assert!(pair("-p", "2222") && argv.contains(&"git@forge.example".to_owned()));
    assert!(!argv.concat().contains("PRIVATE KEY"));
    for foreign in ["SSH_AUTH_SOCK", "CARGO", "PRIVATE KEY"] {
        assert!(!environment.contains(foreign), "{environment}");
    }
    assert!(environment.contains("HOME=/dev/null"));
    assert_eq!(
        explain(&said, Bounds::default()).to_string(),
        "the forge refused our key"
    );
}

#[tokio::test]
async fn without_a_key_ssh_asks_as_nobody_and_believes_no_host() {
    let folder = tempfile::tempdir().unwrap();
    let says = "Host key verification failed.";
    let (argv, _, said) = asked(folder.path(), None, says).await;
    assert!(!argv.contains(&"-i".to_owned()), "{argv:?}");
    let nobody = "UserKnownHostsFile=\"/dev/null\"".to_owned();
    assert!(argv.contains(&nobody), "{argv:?}");
    let refused = explain(&said, Bounds::default()).to_string();
    assert_eq!(refused, "the forge's host key is not one that is known");
}
