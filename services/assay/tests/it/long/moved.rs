//! A house of its own servers moves: backed up beside its work, restored into another data folder.

use std::path::Path;

use rustix::process::Signal;
use sample::forge::LoopbackForge;
use sample::lab::make_lab;
use sample::repository::Clock;
use testkit::program::{Plan, Program, Said};
use testkit::wait;

use crate::site::{open_folder, write};

/// What the house is told; ports are any.
const SETTINGS: &str = "[http]\nlisten = \"127.0.0.1:0\"\n\n[health]\nlisten = \"127.0.0.1:0\"\n";

fn plan<'a>(folder: &'a Path, data: &str, arguments: &[&str]) -> Plan<'a> {
    let data = folder.join(data).display().to_string();
    let all = [&["--data", &data], arguments].concat();
    Plan {
        program: env!("CARGO_BIN_EXE_assay").into(),
        arguments: all.iter().map(|&argument| argument.to_owned()).collect(),
        variables: Vec::new(),
        folder,
    }
}

async fn up(folder: &Path, data: &str) -> Program {
    let settings = folder.join("up.toml").display().to_string();
    let log = folder.join(format!("{data}.log"));
    let house = plan(folder, data, &["--config", &settings, "up"]).start(&log);
    wait::until("the house is up", async || {
        let said = house.said();
        said.contains("Assay is up.").then_some(()).ok_or(said)
    })
    .await;
    house
}

async fn assay(folder: &Path, data: &str, arguments: &[&str]) -> Said {
    plan(folder, data, arguments).run().await
}

async fn done(folder: &Path, data: &str, arguments: &[&str]) -> Said {
    let said = assay(folder, data, arguments).await;
    assert_eq!(said.code, Some(0), "assay {arguments:?}: {said:?}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_is_backed_up_beside_its_work_and_restored_into_another_data_folder() {
    let folder = open_folder();
    let folder = folder.path();
    write(&folder.join("up.toml"), SETTINGS);
    let forge = LoopbackForge::start(&folder.join("forge")).await.unwrap();
    let lab = make_lab(&forge, "labs/moved", Clock::Fixed).await.unwrap();
    let mut house = up(folder, "old").await;
    done(folder, "old", &["lab", "publish", &lab.clone_url()]).await;
    let path = |name: &str| folder.join(name).display().to_string();
    let (shelf, keys) = (path("backups"), path("keys"));
    done(
        folder,
        "old",
        &["backup", "--to", &shelf, "--keys-to", &keys],
    )
    .await;
    let restore = [
        "--config",
        "up.toml",
        "restore",
        "--from",
        &shelf,
        "--keys-from",
        &keys,
    ];
    let taken = assay(folder, "old", &restore).await;
    assert_ne!(taken.code, Some(0), "{taken:?}");
    assert!(taken.err.contains("in use by process"), "{taken:?}");
    let labs = done(folder, "old", &["lab", "list"]).await.out;
    house.signal(Signal::INT);
    assert!(house.ended().await.success(), "{}", house.said());

    let said = done(folder, "new", &restore).await;
    assert!(
        said.err.contains("put back log.signing_key_file"),
        "{said:?}"
    );
    let mut house = up(folder, "new").await;
    assert_eq!(done(folder, "new", &["lab", "list"]).await.out, labs);
    wait::until("the log is good", async || {
        let said = assay(folder, "new", &["verify-log", "--ledger"]).await;
        (said.code == Some(0))
            .then_some(())
            .ok_or(format!("{said:?}"))
    })
    .await;
    house.signal(Signal::TERM);
    assert!(house.ended().await.success(), "{}", house.said());
}
