//! Disks that are full: small file systems under the servers, where root can make them. The spool's
//! own is in webhook-ingest's tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::wait;
use torture::traffic::large;

use crate::scene::{OTHER_WRITER, SEED, Scene, WRITER};

/// What one delivery brings to a disk, in bytes.
const LARGE_BYTES: usize = 100 * 1024;
/// Deliveries: more than the disks have room for.
const DELIVERIES: u64 = 120;
/// What the disk of NATS holds, in MiB.
const NATS_MIB: u64 = 4;
/// What is free on the disk of Postgres at first, in MiB.
const POSTGRES_FREE_MIB: u64 = 4;
/// A disk that holds everything, in MiB.
const ENOUGH_MIB: u64 = 512;

/// A folder with a small disk of its own, gone with this value.
struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Puts a disk under a folder, with what the folder holds; nobody may use it meanwhile.
    fn under(folder: &Path, mib: u64) -> Self {
        let kept = folder.with_extension("kept");
        let (from, to) = (kept.display().to_string(), folder.display().to_string());
        run("cp", &["-a", &to, &from]);
        run(
            "mount",
            &["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs", &to],
        );
        let disk = Self {
            folder: folder.to_owned(),
        };
        run("cp", &["-a", &format!("{from}/."), &to]);
        disk
    }

    fn grow(&self, mib: u64) {
        let folder = self.folder.display().to_string();
        run("mount", &["-o", &format!("remount,size={mib}m"), &folder]);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let folder = self.folder.display().to_string();
        run("umount", &["--lazy", &folder]);
    }
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}

/// Says so where nobody can make a file system.
fn can_mount() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("skipped: only root can make a small file system");
    }
    is_root
}

async fn send_large(scene: &Scene) -> Vec<tokio::task::JoinHandle<bool>> {
    (0..DELIVERIES)
        .map(|number| scene.send(large(SEED, number, LARGE_BYTES)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_disk_is_full_loses_nothing_that_was_answered() {
    if !can_mount() {
        return;
    }
    let scene = Scene::set().await;
    for who in [WRITER, OTHER_WRITER] {
        scene.seat(who).kill().await;
    }
    let (log, disk) = {
        let mut house = scene.ground.house().await;
        house.nats_mut().stop().await.unwrap();
        let log = house.nats().log();
        let disk = SmallDisk::under(&log.parent().unwrap().join("store"), NATS_MIB);
        house.nats_mut().start_again().await.unwrap();
        (log, disk)
    };
    let sending = send_large(&scene).await;
    until_said(&log, "no space left on device").await;
    disk.grow(ENOUGH_MIB);
    {
        let mut house = scene.ground.house().await;
        house.nats_mut().stop().await.unwrap();
        house.nats_mut().start_again().await.unwrap();
    }
    for who in [WRITER, OTHER_WRITER] {
        scene.seat(who).start().await;
    }
    for sent in sending {
        assert!(sent.await.unwrap());
    }
    scene.end_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_whose_disk_is_full_loses_nothing_and_kills_no_message() {
    if !can_mount() {
        return;
    }
    let scene = Scene::set().await;
    let (log, disk) = {
        let mut house = scene.ground.house().await;
        let setting = "SELECT setting FROM pg_settings WHERE name = 'data_directory'";
        let row = house.rows(setting).await.remove(0);
        let row: serde_json::Value = serde_json::from_str(&row).unwrap();
        let folder = PathBuf::from(row["setting"].as_str().unwrap());
        house.postgres_mut().stop().await.unwrap();
        let disk = SmallDisk::under(&folder, used_mib(&folder) + POSTGRES_FREE_MIB);
        house.postgres_mut().start_again().await.unwrap();
        (house.postgres().log(), disk)
    };
    let sending = send_large(&scene).await;
    until_said(&log, "No space left on device").await;
    disk.grow(ENOUGH_MIB);
    wait::until("Postgres is up again", async || {
        let mut house = scene.ground.house().await;
        let started = house.postgres_mut().start_again().await;
        started.map_err(|error| error.to_string())
    })
    .await;
    for sent in sending {
        assert!(sent.await.unwrap());
    }
    let figures = scene.end_well().await;
    assert_eq!(
        figures["dead_letters"],
        serde_json::json!({}),
        "{figures:#}"
    );
}

fn used_mib(folder: &Path) -> u64 {
    let said = Command::new("du")
        .args(["-sm", &folder.display().to_string()])
        .output()
        .unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

async fn until_said(log: &Path, words: &str) {
    wait::until(&format!("the log says {words:?}"), async || {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        text.contains(words)
            .then_some(())
            .ok_or(format!("{} bytes", text.len()))
    })
    .await;
}
