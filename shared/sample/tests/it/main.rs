//! The sample world, looked at with the ordinary git program.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that does not hold"
)]

mod dialects;

use std::path::Path;
use std::process::{Command, Output};

use sample::delivery::{Push, sign};
use sample::forge::LoopbackForge;
use sample::lab::{FAILING, PASSING, make_lab, make_learner};
use sample::repository::{Change, Clock, Repository};

async fn git(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments);
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap()
}

struct World {
    folder: tempfile::TempDir,
    forge: LoopbackForge,
    learner: Repository,
    starting: String,
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let forge = LoopbackForge::start(&folder.path().join("forge"))
        .await
        .unwrap();
    let lab = make_lab(&forge, "course/calculator", Clock::Fixed)
        .await
        .unwrap();
    let name = "Course-1/Intro-Ada";
    let learner = make_learner(&forge, &lab, name, Clock::Fixed)
        .await
        .unwrap();
    let starting = learner.head("main").await.unwrap();
    World {
        folder,
        forge,
        learner,
        starting,
    }
}

#[tokio::test]
async fn a_repository_is_cloned_over_http_by_any_version_of_the_protocol() {
    let World {
        folder,
        forge,
        learner,
        starting,
    } = world().await;
    for version in ["0", "2"] {
        let clone = folder.path().join(version);
        let protocol = format!("protocol.version={version}");
        let (url, into) = (learner.clone_url(), clone.to_string_lossy().into_owned());
        let arguments = ["-c", &protocol, "clone", "--quiet", &url, &into];
        let output = git(folder.path(), &arguments).await;
        assert!(output.status.success(), "{output:?}");
        let head = git(&clone, &["rev-parse", "HEAD"]).await;
        assert_eq!(String::from_utf8_lossy(&head.stdout).trim(), starting);
        assert!(clone.join("tests/run.sh").is_file());
    }
    assert!(forge.fetch_count() >= 2);
    forge.stop().await.unwrap();
}

#[tokio::test]
async fn a_fetch_whose_request_is_long_enough_to_be_compressed_is_answered() {
    let World {
        folder,
        forge,
        learner,
        ..
    } = world().await;
    for n in 0..40 {
        let branch = format!("b{n}");
        let content = n.to_string();
        let file = Change::File(b"n.txt", content.as_bytes());
        learner.commit(&branch, &content, &[file]).await.unwrap();
    }
    let clone = folder.path().join("clone").to_string_lossy().into_owned();
    let url = learner.clone_url();
    let output = git(folder.path(), &["clone", "--quiet", &url, &clone]).await;
    assert!(output.status.success(), "{output:?}");
    let branches = git(
        Path::new(&clone),
        &["branch", "--remotes", "--list", "origin/b*"],
    )
    .await;
    assert_eq!(
        String::from_utf8_lossy(&branches.stdout).lines().count(),
        40
    );
    forge.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_no_repository_of_the_forge_is_not_found() {
    let World { folder, forge, .. } = world().await;
    for path in ["course/nothing.git", "course/.hidden.git", "a.git", ".git"] {
        let url = format!("{}/{path}", forge.url());
        let output = git(folder.path(), &["ls-remote", &url]).await;
        assert!(!output.status.success(), "{path}: {output:?}");
    }
}

#[tokio::test]
async fn the_same_commits_have_the_same_names_in_every_run() {
    let (one, other) = (world().await, world().await);
    assert_eq!(one.starting, other.starting);
    let mut shas = vec![];
    for world in [&one, &other] {
        shas.push(
            world
                .learner
                .commit("main", "Solve it", PASSING)
                .await
                .unwrap(),
        );
    }
    assert_eq!(shas[0], shas[1]);
}

#[tokio::test]
async fn the_sample_checks_pass_what_is_right_and_name_what_is_wrong() {
    let World {
        folder,
        forge: _forge,
        learner,
        ..
    } = world().await;
    for (changes, failures, code) in [(PASSING, 0, 0), (FAILING, 1, 1)] {
        let sha = learner.commit("main", "Try", changes).await.unwrap();
        let tree = folder.path().join(&sha);
        std::fs::create_dir(&tree).unwrap();
        let archive = format!(
            "git -C {} archive {sha} | tar -x",
            learner.folder().display()
        );
        let ran = Command::new("sh")
            .current_dir(&tree)
            .args(["-c", &archive])
            .status();
        assert!(ran.unwrap().success());
        let ran = Command::new("sh")
            .current_dir(&tree)
            .arg("tests/run.sh")
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(code), "{ran:?}");
        let report = std::fs::read_to_string(tree.join("report.xml")).unwrap();
        assert_eq!(report.matches("<testcase").count(), 2, "{report}");
        assert_eq!(report.matches("<failure").count(), failures, "{report}");
        assert!(
            failures == 0 || report.contains("instead of '4'"),
            "{report}"
        );
    }
}

#[tokio::test]
async fn a_push_lists_its_commits_oldest_first_with_what_they_changed() {
    let World {
        folder: _folder,
        forge: _forge,
        learner,
        starting,
        ..
    } = world().await;
    let first = learner
        .commit("main", "One\n\nAnd more", PASSING)
        .await
        .unwrap();
    let changes = [
        Change::File(b"notes.md", b"hello\n"),
        Change::Remove(b"README.md"),
    ];
    let second = learner.commit("main", "Two", &changes).await.unwrap();
    let push = Push {
        branch: "main",
        before: Some(&starting),
        after: Some(&second),
    };
    let payload = push.payload(&learner).await.unwrap();
    let ids = |payload: &serde_json::Value| -> Vec<String> {
        let commits = payload["commits"].as_array().unwrap().iter();
        commits
            .map(|commit| commit["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&payload), [first.clone(), second.clone()]);
    assert_eq!(payload["ref"], "refs/heads/main");
    assert_eq!(payload["head_commit"]["id"], second.as_str());
    assert_eq!(payload["commits"][0]["message"], "One\n\nAnd more");
    assert_eq!(payload["commits"][0]["timestamp"], "2026-01-05T09:01:00Z");
    assert_eq!(
        payload["commits"][0]["modified"],
        serde_json::json!(["calc.sh"])
    );
    assert_eq!(
        payload["commits"][1]["added"],
        serde_json::json!(["notes.md"])
    );
    assert_eq!(
        payload["commits"][1]["removed"],
        serde_json::json!(["README.md"])
    );
    assert_eq!(payload["repository"]["full_name"], "Course-1/Intro-Ada");
    assert_eq!(payload["forced"], false);

    let parent = Some(starting.as_str());
    let third = learner
        .commit_onto(parent, "main", "Again", FAILING)
        .await
        .unwrap();
    let forced = Push {
        branch: "main",
        before: Some(&second),
        after: Some(&third),
    };
    let payload = forced.payload(&learner).await.unwrap();
    assert_eq!(payload["forced"], true);
    assert_eq!(ids(&payload), [third.as_str()]);

    let deleted = Push {
        branch: "main",
        before: Some(&third),
        after: None,
    };
    let payload = deleted.payload(&learner).await.unwrap();
    assert_eq!(payload["after"], "0".repeat(40));
    assert_eq!(payload["deleted"], true);
    assert!(payload["head_commit"].is_null());
}

#[test]
fn a_signature_is_the_one_that_github_documents() {
    let payload = serde_json::json!("Hello, World!");
    let signed = sign("push", "72d3162e", &payload, b"It's a Secret to Everybody");
    let header = |name: &str| {
        let found = signed.headers.iter().find(|(header, _)| *header == name);
        found.unwrap().1.clone()
    };
    assert_eq!(signed.body, "\"Hello, World!\"");
    // From `openssl dgst -sha256 -hmac "It's a Secret to Everybody"` over the body.
    assert_eq!(
        header("x-hub-signature-256"),
        "sha256=ecddb501376a06b92925a01b186582f725fd94c50d692a1033f57a5358f96a03"
    );
    assert_eq!(header("x-github-event"), "push");
    assert_eq!(header("x-github-delivery"), "72d3162e");
}

#[test]
fn the_sample_lab_is_a_valid_lab() {
    lab::spec::parse("lab.toml", sample::lab::LAB_TOML).unwrap();
}
