//! `assay dead`: an operator looks at what died, mends the cause, and decides.

use std::path::{Path, PathBuf};

use contract::digest::Digest;
use contract::ids::DeadLetterId;
use process::settings::service::Service;
use reqwest::StatusCode;
use sample::delivery::{SignedDelivery, sign, sign_bytes};
use serde_json::{Value, json};
use testkit::house::House;
use testkit::wait;

use crate::site::{SECRET, Site};

/// The services that a delivery needs to be recorded.
const RECORDING: [Service; 2] = [Service::WebhookIngest, Service::AttemptWriter];
/// What is no push, though it is signed.
const NO_PUSH: &str = r#"{ "ref": 7 }"#;
/// The exit code of a command line that does not parse.
const USAGE: i32 = 64;
/// The exit code of what could not be done.
const FAILED: i32 = 1;

/// A push whose body is too large for a message, however it is compressed.
fn large_push() -> SignedDelivery {
    let noise: String = (0..12_000_u32)
        .map(|number| Digest::of(&number.to_be_bytes()).to_string())
        .collect();
    let sha = |digit: char| digit.to_string().repeat(40);
    let commit = json!({
        "id": sha('2'), "message": noise, "timestamp": "2026-01-05T09:00:00Z",
        "author": { "name": "A Learner", "email": "a@example.org" },
        "added": [], "modified": [], "removed": [],
    });
    let payload = json!({
        "ref": "refs/heads/main", "before": sha('1'), "after": sha('2'),
        "created": false, "deleted": false, "forced": false,
        "repository": { "full_name": "someone/else" },
        "commits": [commit], "head_commit": commit,
        "sender": { "id": 1, "login": "a" }, "pusher": { "name": "a" },
    });
    sign("push", "large", &payload, SECRET)
}

/// The only file below a folder.
fn only_file(folder: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(folder).unwrap();
    let entry = entries.next().unwrap().unwrap().path();
    assert!(entries.next().is_none());
    if entry.is_dir() {
        only_file(&entry)
    } else {
        entry
    }
}

impl Site {
    async fn letters(&self, more: &[&str]) -> Vec<Value> {
        let listed = self
            .assay_json(&[&["dead", "list", "--json"], more].concat())
            .await;
        listed["letters"].as_array().unwrap().clone()
    }

    async fn until_letters(&self, count: usize) -> Vec<Value> {
        wait::until(&format!("there are {count} letters"), async || {
            let letters = self.letters(&[]).await;
            match letters.len() {
                found if found == count => Ok(letters),
                _ => Err(format!("{letters:?}")),
            }
        })
        .await
    }

    /// Runs a command that must end with this code, and say this on its standard error.
    async fn refused(&self, arguments: &[&str], code: i32, words: &str) {
        let said = self.assay(arguments).await;
        assert_eq!(said.code, Some(code), "{arguments:?}: {said:?}");
        assert!(said.err.contains(words), "{arguments:?}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_lists_shows_sends_back_and_discards_what_died() {
    let mut site = Site::furnish(House::start().await, "").await;
    for service in RECORDING {
        site.start_one(service);
    }
    for service in RECORDING {
        site.until_ready(service).await;
    }
    assert_eq!(site.assay_ok(&["dead", "list"]).await, "no dead letters\n");

    let poison = sign_bytes(
        "push",
        "no-push",
        NO_PUSH.as_bytes().to_vec().into(),
        SECRET,
    );
    let poison = site.answers("poison", &poison, StatusCode::ACCEPTED).await;
    let first = site.until_letters(1).await.remove(0);
    let id_of_first = first["id"].as_str().unwrap();
    shows(&site, &first, &poison).await;
    refuses(&site, id_of_first).await;
    mends(&mut site).await;

    // Real poison dies again, as the same message.
    let said = site
        .assay_json(&[
            "dead",
            "send-back",
            id_of_first,
            "--reason",
            "again",
            "--json",
        ])
        .await;
    assert_eq!(said, json!({ "closed": [id_of_first], "refused": [] }));
    let letters = site.until_letters(3).await;
    let open: Vec<_> = letters
        .iter()
        .filter(|letter| letter["state"] == "open")
        .collect();
    let [second] = open.as_slice() else {
        panic!("{letters:?}")
    };
    let shown = site
        .assay_json(&["dead", "show", second["id"].as_str().unwrap(), "--json"])
        .await;
    let before = json!([{ "id": id_of_first, "state": "sent-back" }]);
    assert_eq!(shown["other_deaths"], before, "{shown}");

    let status = site.assay_json(&["status", "--json"]).await;
    assert_eq!(status["dead_letters_open"], 1, "{status}");
    let all = [
        "dead",
        "discard",
        "--all",
        "--died-of",
        "READ THE PUSH",
        "--reason",
        "no push",
    ];
    let planned = site.assay_ok(&[&all[..], &["--plan"]].concat()).await;
    assert!(planned.contains("1 would be discarded"), "{planned}");
    assert_eq!(site.assay_ok(&all).await, "discarded: 1\n");
    assert_eq!(site.assay_ok(&all).await, "no open dead letter is chosen\n");
    // It leaves `DEAD` after its row says so.
    site.until_dead(0).await;
    let discarded = site.letters(&["--state", "discarded"]).await;
    assert_eq!(discarded.len(), 1);
    assert_eq!(discarded[0]["closed_reason"], "no push");
    assert_eq!(discarded[0]["has_bytes"], false);
    let status = site.assay_json(&["status", "--json"]).await;
    assert_eq!(status["dead_letters_open"], 0, "{status}");
}

/// What is listed and shown of the poison's letter.
async fn shows(site: &Site, letter: &Value, receipt: &Value) {
    let delivery = receipt["delivery"].as_str().unwrap();
    let id = letter["id"].as_str().unwrap();
    assert_eq!(letter["delivery_id"], delivery);
    for (key, value) in [
        ("state", json!("open")),
        ("stream", json!("DELIVERIES")),
        ("consumer", json!("attempt-writer")),
        ("deliveries", json!(1)),
        ("has_bytes", json!(true)),
    ] {
        assert_eq!(letter[key], value, "{letter}");
    }
    let listed = site.assay_ok(&["dead", "list"]).await;
    for words in [id, "attempt-writer", "kept", "read the push"] {
        assert!(listed.contains(words), "{listed}");
    }
    for (filter, found) in [
        (["--delivery", delivery], 1),
        (["--consumer", "attempt-writer"], 1),
        (["--stream", "JOBS"], 0),
        (["--died-of", "something else"], 0),
        (["--since", "1h"], 1),
        (["--state", "sent-back"], 0),
    ] {
        assert_eq!(site.letters(&filter).await.len(), found, "{filter:?}");
    }
    let shown = site.assay_json(&["dead", "show", id, "--json"]).await;
    assert_eq!(
        shown["headers"]["ce-type"],
        "dev.assay.delivery.received.v1"
    );
    assert_eq!(shown["body"], Value::Null);
    let shown = site
        .assay_json(&["dead", "show", id, "--body", "--json"])
        .await;
    assert_eq!(shown["body"], NO_PUSH);
    let shown = site.assay_ok(&["dead", "show", id]).await;
    assert!(shown.contains("--body shows it"), "{shown}");
    assert!(!shown.contains(NO_PUSH), "{shown}");
    assert!(
        site.assay_ok(&["dead", "show", id, "--body"])
            .await
            .contains(NO_PUSH)
    );
}

async fn refuses(site: &Site, id: &str) {
    let unknown = DeadLetterId::compute("nobody's").to_string();
    let unknown = unknown.as_str();
    let why = ["--reason", "why not"];
    for (order, words) in [
        (vec!["show", unknown], "there is no dead letter"),
        (
            vec!["send-back", unknown, why[0], why[1]],
            "there is no such dead letter",
        ),
        (
            vec!["discard", unknown, why[0], why[1]],
            "there is no such dead letter",
        ),
        (vec!["discard", id, "--reason", "  "], "a reason is missing"),
        (
            vec!["discard", id, "--stream", "JOBS", why[0], why[1]],
            "go with --all",
        ),
    ] {
        site.refused(&[&["dead"], &order[..]].concat(), FAILED, words)
            .await;
    }
    for (order, words) in [
        (vec!["show", "nonsense"], "nonsense"),
        (vec!["send-back", id], "--reason"),
        (vec!["discard", why[0], why[1]], "LETTERS"),
        (
            vec!["discard", id, "--all", why[0], why[1]],
            "cannot be used with",
        ),
        (vec!["list", "--state", "lost"], "lost"),
    ] {
        site.refused(&[&["dead"], &order[..]].concat(), USAGE, words)
            .await;
    }
    let planned = site
        .assay_json(&["dead", "discard", id, why[0], why[1], "--plan", "--json"])
        .await;
    assert_eq!(planned["letters"][0]["id"], id);
    assert_eq!(site.letters(&["--state", "open"]).await.len(), 1);
}

/// A delivery whose body is lost dies; once that is found, it is sent back and recorded.
async fn mends(site: &mut Site) {
    site.stop(Service::AttemptWriter).await;
    site.answers("large", &large_push(), StatusCode::ACCEPTED)
        .await;
    let body = only_file(&site.folder().join("objects/deliveries"));
    let aside = site.folder().join("aside");
    std::fs::rename(&body, &aside).unwrap();
    site.start_one(Service::AttemptWriter);
    let letters = site.until_letters(2).await;
    let large = letters
        .iter()
        .find(|letter| letter["message_id"] != letters[0]["message_id"]);
    let large = large.unwrap();
    let reason = large["reason"].as_str().unwrap();
    assert!(reason.contains("is missing"), "{reason}");
    std::fs::rename(&aside, &body).unwrap();
    let id = large["id"].as_str().unwrap();
    let order = ["dead", "send-back", id, "--reason", "its body was found"];
    assert_eq!(site.assay_ok(&order).await, "sent back: 1\n");
    wait::until("it is recorded", async || {
        match site.house.number("SELECT count(*) FROM delivery").await {
            1 => Ok(()),
            count => Err(count.to_string()),
        }
    })
    .await;
    site.refused(&order, FAILED, "it was sent back already")
        .await;
    let shown = site.assay_json(&["dead", "show", id, "--json"]).await;
    assert_eq!(shown["state"], "sent-back");
    assert_eq!(shown["closed_by"], "operator");
    assert_eq!(shown["closed_reason"], "its body was found");
}
