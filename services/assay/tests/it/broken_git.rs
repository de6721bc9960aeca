//! A git that cannot run is an outage: what was pushed meanwhile waits, and is judged after it.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use process::settings::service::Service;
use sample::lab::PASSING;
use testkit::house::House;

use crate::site::{Site, write};

/// What snapshot-builder and its starting need of this machine's programs.
const PROGRAMS: [&str; 3] = ["git", "setpriv", "sh"];

fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.find(|place| place.exists()).unwrap()
}

fn link(folder: &Path, program: &str) {
    let place = folder.join(program);
    let _ = std::fs::remove_file(&place);
    symlink(find(program), place).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_waits_for_a_git_that_is_gone_or_broken_and_is_judged_when_it_runs_again() {
    let mut site = Site::furnish(House::start().await, "").await;
    let programs = site.folder().join("bin");
    std::fs::create_dir(&programs).unwrap();
    PROGRAMS.iter().for_each(|program| link(&programs, program));
    for service in Service::ALL {
        match service {
            Service::SnapshotBuilder => site.start_with_path(service, &programs),
            other => site.start_one(other),
        }
    }
    for service in Service::ALL {
        site.until_ready(service).await;
    }
    let (_lab, learner) = site.publish_lab().await;

    let git = programs.join("git");
    std::fs::remove_file(&git).unwrap();
    let posted = site.push(&learner, PASSING).await;
    site.until_not_ready(Service::SnapshotBuilder, "git: not found")
        .await;
    write(&git, "#!/bin/sh\nexit 1\n");
    std::fs::set_permissions(&git, Permissions::from_mode(0o755)).unwrap();
    site.until_not_ready(Service::SnapshotBuilder, "newer is needed")
        .await;
    site.misses_nothing(0).await;
    link(&programs, "git");
    let seen = site.until_judged(&posted).await;
    assert_eq!(seen["verifications"][0]["result"], "pass", "{seen}");
    site.misses_nothing(0).await;
    site.stop_all().await;
}
