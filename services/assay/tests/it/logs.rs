//! What the steps of a verification printed, as people and machines ask for it; and labs that are
//! tried without servers.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sample::lab::{LAB, LAB_TOML, PASSING};
use sample::repository::Change;
use serde_json::Value;

use crate::site::Site;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/sealed-lab")
}

/// Runs the program where there is nothing: no settings, no servers.
fn alone(arguments: &[&str]) -> (Option<i32>, String, String) {
    let nothing = tempfile::tempdir().unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_assay"))
        .args(arguments)
        .current_dir(nothing.path())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn lab_folder(toml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for change in LAB
        .iter()
        .chain([&Change::File(b"lab.toml", toml.as_bytes())])
    {
        if let Change::File(path, bytes) | Change::Executable(path, bytes) = change {
            let place = folder.path().join(std::str::from_utf8(path).unwrap());
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, bytes).unwrap();
        }
    }
    folder
}

#[test]
fn a_lab_is_tried_without_servers_and_the_exit_code_says_how_it_came_out() {
    let learner = tempfile::tempdir().unwrap();
    let program = learner.path().join("calc.sh");
    let example = example().display().to_string();
    let folder = learner.path().display().to_string();
    let verify = |more: &[&str]| {
        let flag = "--dangerously-run-without-limits";
        let arguments = [&["verify", &folder, "--lab", &example, flag], more].concat();
        alone(&arguments)
    };
    let right = "case $1 in add) echo $(($2+$3));; subtract) echo $(($2-$3));; *) exit 2;; esac";
    std::fs::write(&program, right).unwrap();
    let (code, said, complaint) = verify(&[]);
    assert_eq!(code, Some(0), "{said}{complaint}");
    assert!(
        said.starts_with("== program ==\n-- exit code 0 after "),
        "{said}"
    );
    assert!(
        said.contains("== answers ==\n1..3\nok 1 - adds\n"),
        "{said}"
    );
    assert!(said.contains("passed  answers  9 of 9 points, "), "{said}");
    assert!(said.ends_with("pass  9 of 9 points\n"), "{said}");

    std::fs::write(&program, "echo 5").unwrap();
    let (code, said, complaint) = verify(&["--json"]);
    assert_eq!(code, Some(1), "{said}{complaint}");
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&told["result"], &told["points"]),
        (&"fail".into(), &3.into())
    );
    assert_eq!(told["strength"], "sealed");
    assert_eq!(told["steps"][1]["tests"][0]["name"], "adds");
    assert_eq!(told["steps"][1]["strength"], "sealed");
    assert!(
        told["log"]
            .as_str()
            .unwrap()
            .contains("not ok 2 - subtracts\n")
    );

    let broken = lab_folder(&LAB_TOML.replace("tests/run.sh", "tests/none.sh"));
    let broken = broken.path().display().to_string();
    let asked = [
        "verify",
        &folder,
        "--lab",
        &broken,
        "--json",
        "--dangerously-run-without-limits",
    ];
    let (code, said, _) = alone(&asked);
    assert_eq!(code, Some(2), "{said}");
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["cause"], "lab-broken");
    let (code, ..) = alone(&["verify", &folder]);
    assert_eq!(code, Some(64), "a lab is missing");
}

#[test]
fn an_author_is_told_before_anybody_pushes_where_results_can_be_forged() {
    let (code, said, _) = alone(&["lab", "check", &example().display().to_string()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("results: sealed, 9 points, 3 expected tests"),
        "{said}"
    );
    assert!(!said.contains("note:"), "{said}");

    let shared = lab_folder(LAB_TOML);
    let shared = shared.path().display().to_string();
    let (code, said, _) = alone(&["lab", "check", &shared]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("results: shared"), "{said}");
    assert!(
        said.contains("note: unit tests: ") && said.contains("can be forged there"),
        "{said}"
    );
    let (_, said, _) = alone(&["lab", "check", &shared, "--json"]);
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["cautions"][0]["step"], "unit tests");

    let mistaken = lab_folder(&LAB_TOML.replace("wall_seconds = 20", "wall_seconds = 0"));
    let (code, _, complaint) = alone(&["lab", "check", &mistaken.path().display().to_string()]);
    assert_eq!(code, Some(1));
    assert!(complaint.contains("lab.toml:15:"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_verification_is_shown_with_its_steps_and_tests() {
    let site = Site::start().await;
    let (_lab, learner) = site.publish_lab().await;
    let posted = site.push(&learner, PASSING).await;
    let seen = site.until_judged(&posted).await;
    let attempt = seen["attempts"][0]["id"].as_str().unwrap();

    let said = site.assay_ok(&["logs", attempt]).await;
    assert!(said.contains("\n== unit tests ==\nok    adds\n"), "{said}");
    assert!(said.contains("-- exit code 0 after "), "{said}");
    assert!(said.contains("    passed  adds"), "{said}");
    assert!(said.ends_with("pass  10 of 10 points\n"), "{said}");
    // It has its result: there is nothing to wait for.
    assert_eq!(site.assay_ok(&["logs", "-f", attempt]).await, said);
    let told = site.assay_json(&["logs", "--json", attempt]).await;
    assert_eq!(told["result"], "pass");
    assert_eq!(told["steps"][0]["strength"], "shared");
    assert!(told["log"].as_str().unwrap().contains(
        "== unit tests ==
"
    ));
    let unknown = site.assay(&["logs", "no-such-attempt"]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
}
