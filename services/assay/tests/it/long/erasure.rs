//! A person goes the whole way, from the push to the result, with a dead letter, a conflict and a
//! spooled delivery; is erased; and then nothing of theirs is left anywhere, and nothing of anybody
//! else's is gone.

use std::fs;
use std::path::Path;

use process::settings::service::Service;
use reqwest::StatusCode;
use sample::delivery::{Push, SENDER_ID, SENDER_LOGIN, SignedDelivery, sign, sign_bytes};
use sample::lab::make_learner;
use sample::repository::{AUTHOR_EMAIL, AUTHOR_NAME, Change, Clock, Repository};
use serde_json::{Value, json};
use servers::client::{Clients, Login};
use testkit::house::House;
use testkit::wait;
use uuid::Uuid;

use crate::kept::Kept;
use crate::push::Posted;
use crate::site::{SECRET, Site};

const LOGIN: &str = "planted-login-5d20";
const EMAIL: &str = "planted-5d20@planted.example";
const NAME: &str = "Planted Person Fived";
const CONTENT: &str = "planted-content-5d20-in-a-file";
/// What must be nowhere afterwards.
const PLANTED: [&str; 4] = [LOGIN, EMAIL, NAME, CONTENT];
/// A program that passes, and prints what is in it.
const PRINTING: &str = "#!/bin/sh\necho planted-content-5d20-in-a-file >&2\ncase $1 in\n\
    add) echo $(($2 + $3)) ;;\nsubtract) echo $(($2 - $3)) ;;\nesac\n";
const PRINTING_OTHERWISE: &str = "#!/bin/sh\necho somebody-elses-content >&2\ncase $1 in\n\
    add) echo $(($2 + $3)) ;;\nsubtract) echo $(($2 - $3)) ;;\nesac\n";
const SETTINGS: &str = "[ingest.spool]\npersistent = true\n";
const WHY: [&str; 2] = ["--reason", "asked for in writing"];

/// The payload of a push, of whoever it is said to be.
async fn payload(learner: &Repository, push: Push<'_>, is_planted: bool) -> Value {
    let text = push.payload(learner).await.unwrap().to_string();
    let text = if is_planted {
        text.replace(SENDER_LOGIN, LOGIN)
            .replace(AUTHOR_EMAIL, EMAIL)
            .replace(AUTHOR_NAME, NAME)
    } else {
        text.replace(&SENDER_ID.to_string(), "700001")
    };
    serde_json::from_str(&text).unwrap()
}

async fn commit(learner: &Repository, program: &str) -> (String, String) {
    let before = learner.head("main").await.unwrap();
    let changes = [Change::Executable(b"calc.sh", program.as_bytes())];
    let after = learner.commit("main", "A change", &changes).await.unwrap();
    (before, after)
}

async fn pushed(site: &Site, learner: &Repository, program: &str, is_planted: bool) -> Posted {
    let (before, after) = commit(learner, program).await;
    let push = Push {
        branch: "main",
        before: Some(&before),
        after: Some(&after),
    };
    let payload = payload(learner, push, is_planted).await;
    let forge_id = Uuid::now_v7().to_string();
    let signed = sign("push", &forge_id, &payload, SECRET);
    let (status, receipt) = site.post(&signed).await.unwrap();
    Posted {
        forge_id,
        signed,
        before,
        head: after,
        status,
        receipt,
    }
}

/// What names the person and is no push; it dies, and its letter keeps it.
fn poison() -> SignedDelivery {
    let body = json!({ "ref": [NAME, EMAIL], "sender": { "id": SENDER_ID, "login": LOGIN } });
    sign_bytes("push", "poison", body.to_string().into(), SECRET)
}

/// Every file below a folder that holds any of the planted texts, with the text.
fn holding(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            holding(&path, found);
        } else if kind.is_file() {
            // One that is gone by now holds nothing.
            let bytes = fs::read(&path).unwrap_or_default();
            let content = String::from_utf8_lossy(&bytes);
            for text in PLANTED.iter().filter(|text| content.contains(**text)) {
                found.push(format!("{text} in {}", path.display()));
            }
        }
    }
}

/// Where anything planted is: in files of the services and servers, or in a table.
async fn found(site: &Site) -> Vec<String> {
    let mut found = Vec::new();
    let folder = site.folder();
    for part in ["objects", "cache", "git-cache", "scratch", "spool"] {
        holding(&folder.join(part), &mut found);
    }
    for service in Service::ALL {
        let log = fs::read_to_string(folder.join(format!("{service}.log"))).unwrap_or_default();
        let named = PLANTED.iter().filter(|text| log.contains(**text));
        found.extend(named.map(|text| format!("{text} in the log of {service}")));
    }
    // The broker's files, and the database's with its write-ahead log.
    holding(&site.house.nats().streams_folder(), &mut found);
    holding(
        site.house.folder("x").parent().unwrap().parent().unwrap(),
        &mut found,
    );
    let tables = "SELECT nspname || '.' || relname AS name FROM pg_class \
        JOIN pg_namespace ON pg_namespace.oid = relnamespace \
        WHERE relkind = 'r' AND nspname IN ('public', 'privacy', 'work')";
    for table in site.house.rows(tables).await {
        let table: Value = serde_json::from_str(&table).unwrap();
        let table = table["name"].as_str().unwrap();
        let rows = site
            .house
            .rows(&format!("SELECT each::text AS line FROM {table} AS each"))
            .await;
        let text = rows.concat();
        let named = PLANTED.iter().filter(|planted| text_or_hex(planted, &text));
        found.extend(named.map(|text| format!("{text} in {table}")));
    }
    found
}

fn text_or_hex(planted: &str, text: &str) -> bool {
    text.contains(planted) || text.contains(&hex::encode(planted))
}

async fn refused(site: &Site, arguments: &[&str], words: &str) {
    let said = site.assay(arguments).await;
    assert_eq!(said.code, Some(1), "{arguments:?}: {said:?}");
    assert!(said.err.contains(words), "{arguments:?}: {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_erased_is_nowhere_and_nobody_else_is_harmed() {
    let mut site = Site::furnish(House::start().await, SETTINGS).await;
    site.start_all().await;
    let (lab, learner) = site.publish_lab().await;
    let other = make_learner(&site.forge, &lab, "course-2026/intro-bob", Clock::Fixed).await;
    let other = other.unwrap();
    let theirs = pushed(&site, &learner, PRINTING, true).await;
    let theirs_seen = site.until_judged(&theirs).await;
    let others = pushed(&site, &other, PRINTING_OTHERWISE, false).await;
    let others_seen = site.until_judged(&others).await;
    site.answers("poison", &poison(), StatusCode::ACCEPTED)
        .await;
    site.until_dead(1).await;
    conflict(&site, &theirs).await;
    spooled(&mut site, &learner).await;

    let person = format!("github:{LOGIN}");
    let person = person.as_str();
    exported(&site, person).await;
    held(&site, person).await;
    let erase = [&["privacy", "erase", person], &WHY[..]].concat();
    let planned = site
        .assay_json(&[&erase[..], &["--plan", "--json"]].concat())
        .await;
    assert_eq!(planned["snapshots"], 2, "{planned}");
    let cache = site.folder().join("git-cache");
    let cached = caches(&cache).len();
    let erased = site.assay_json(&[&erase[..], &["--json"]].concat()).await;
    assert_eq!(erased["people"], planned["people"], "{erased}");
    assert_eq!(erased["people"].as_array().unwrap().len(), 2, "{erased}");
    for (what, count) in [("raw_bodies", 3), ("snapshots", 2), ("dead_letters", 1)] {
        assert_eq!(erased[what], count, "{what} in {erased}");
    }
    // The body in conflict has its head verified again, which may or may not be over by now.
    assert!(erased["logs"].as_u64().unwrap() >= 2, "{erased}");
    wait::until("nothing planted is anywhere", async || {
        let mut left = found(&site).await;
        let caches = caches(&cache);
        // One less: the person's.
        if caches.len() + 1 != cached {
            left.push(format!("{caches:?} of {cached} caches"));
        }
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.join("\n"))
        }
    })
    .await;
    later_backups_have_nothing(&site).await;
    refused(&site, &erase, "nobody of github is called that").await;
    says_so(&site, &theirs, &theirs_seen).await;
    unharmed(&site, &others, &others_seen).await;
    site.stop_all().await;
    let log = site.assay_ok(&["verify-log", "--ledger"]).await;
    assert!(log.contains("0 entries waiting"), "{log}");
}

/// A dump as SQL: it is loaded into a database of its own, and that is written out.
async fn written_out(site: &Site, dump: &Path) -> String {
    site.house.sql("CREATE DATABASE elsewhere").await;
    let url = site.house.owner_url();
    let (server, _) = url.rsplit_once('/').unwrap();
    let url = format!("{server}/elsewhere");
    let login = Login {
        url: &url,
        password: None,
    };
    let clients = Clients::find(15).unwrap();
    clients.restore(&login, &[dump.into()]).await.unwrap();
    let file = site.folder().join("elsewhere.sql");
    let plain = [
        "--format=plain".into(),
        format!("--file={}", file.display()).into(),
    ];
    clients.dump(&login, &plain).await.unwrap();
    site.house.sql("DROP DATABASE elsewhere").await;
    let text = fs::read_to_string(&file).unwrap();
    fs::remove_file(file).unwrap();
    text
}

/// A backup that is made now names the person nowhere, and has no key of theirs: neither its ledger,
/// written out as SQL, nor anything beside it.
async fn later_backups_have_nothing(site: &Site) {
    let kept = Kept::of(site).await;
    let dump = kept.all().pop().unwrap().join("ledger.dump");
    let text = written_out(site, &dump).await;
    assert!(text.contains("COPY privacy.person_key"), "it is the ledger");
    for planted in PLANTED {
        assert!(!text_or_hex(planted, &text), "{planted} is in the dump");
    }
    let mut found = Vec::new();
    holding(&kept.shelf, &mut found);
    holding(&kept.keys, &mut found);
    assert_eq!(found, [""; 0]);
    let keys = "SELECT count(*) FROM privacy.person_key AS key \
        JOIN erasure ON erasure.principal_id = key.owner_id";
    assert_eq!(site.house.number(keys).await, 0);
}

/// The names of the caches.
fn caches(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".git")).collect()
}

/// The same delivery id with another body that names the person too.
async fn conflict(site: &Site, posted: &Posted) {
    let mut body: Value = serde_json::from_slice(&posted.signed.body).unwrap();
    body["compare"] = json!("elsewhere");
    let other = sign("push", &posted.forge_id, &body, SECRET);
    site.answers("conflict", &other, StatusCode::ACCEPTED).await;
    wait::until("the conflict is recorded", async || {
        match site
            .house
            .number("SELECT count(*) FROM delivery_conflict")
            .await
        {
            1 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
}

/// A push while the broker is away: it is spooled, and judged when that is back.
async fn spooled(site: &mut Site, learner: &Repository) {
    site.house.nats_mut().kill().await.unwrap();
    let posted = wait::until("the push is spooled", async || {
        let posted = pushed(site, learner, &format!("{PRINTING}# once more\n"), true).await;
        match posted.status {
            StatusCode::ACCEPTED => Ok(posted),
            status => Err(status.to_string()),
        }
    })
    .await;
    site.house.nats_mut().start_again().await.unwrap();
    site.until_judged(&posted).await;
}

async fn exported(site: &Site, person: &str) {
    let file = site.folder().join("held.json");
    let path = file.display().to_string();
    let export = [&["privacy", "export", person, "-o", &path], &WHY[..]].concat();
    site.assay_ok(&export).await;
    let held: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    fs::remove_file(&file).unwrap();
    let text = held.to_string();
    for planted in [LOGIN, EMAIL, NAME] {
        assert!(text.contains(planted), "{planted}");
    }
    assert_eq!(held["raw_bodies"].as_array().unwrap().len(), 3);
    assert_eq!(held["snapshots"].as_array().unwrap().len(), 2);
    let entries = "SELECT count(*) FROM audit_entry WHERE action = 'person-exported'";
    assert_eq!(site.house.number(entries).await, 1);
}

async fn held(site: &Site, person: &str) {
    let order = |order: &'static str| [&["privacy", order, person], &WHY[..]].concat();
    site.assay_ok(&order("hold")).await;
    refused(site, &order("erase"), "is under a legal hold since").await;
    refused(site, &order("hold"), "a legal hold is on already").await;
    site.assay_ok(&order("release")).await;
    refused(site, &order("release"), "no legal hold is on").await;
    let named = format!("a wish of {LOGIN}");
    let named = ["privacy", "erase", person, "--reason", &named];
    refused(site, &named, "the reason names the person").await;
}

/// Rows, counts and proofs are there, and say that what they were of is gone.
async fn says_so(site: &Site, theirs: &Posted, before: &Value) {
    let seen = site
        .assay_json(&["trace", "--json", &theirs.forge_id])
        .await;
    // The body in conflict has its head verified again, before the erasure or not at all.
    let (seen, before_all) = (&seen["verifications"], before["verifications"].as_array());
    for was in before_all.unwrap() {
        let seen = seen.as_array().unwrap();
        assert!(seen.contains(was), "{was} in {seen:?}");
    }
    let told = site.assay_ok(&["trace", &theirs.forge_id]).await;
    assert!(told.contains("erased"), "{told}");
    let logs = site.assay_ok(&["logs", &theirs.forge_id]).await;
    assert!(logs.contains("its log was removed on"), "{logs}");
    let status = site.assay_json(&["status", "--json"]).await;
    assert_eq!(status["ledger"]["attempts"], 3, "{status}");
    for (what, count) in [
        ("people_erased", 2),
        ("attempts_erased", 2),
        ("snapshots_removed", 2),
        ("raw_bodies_removed", 3),
    ] {
        assert_eq!(status["ledger"][what], count, "{what} in {status}");
    }
    let results = site
        .assay_json(&["results", "--lab", "calculator", "--json"])
        .await;
    let gone: Vec<_> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["gone"])
        .collect();
    assert!(gone.contains(&&json!("erased")), "{results}");
    assert!(gone.contains(&&Value::Null), "{results}");
    proves(site, before["verifications"][0]["id"].as_str().unwrap()).await;
    assert_eq!(status["dead_letters_open"], 0, "{status}");
}

/// A result of whoever is erased is still proven, and the proof says what is gone.
async fn proves(site: &Site, verification: &str) {
    let file = site
        .folder()
        .join("erased.tlog-proof")
        .display()
        .to_string();
    let said = site.assay_ok(&["prove", verification, "-o", &file]).await;
    for words in [
        "who pushed it was erased on",
        "its raw body was removed on",
        "its log was removed on",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let key = fs::read_to_string(site.folder().join("log-verifier")).unwrap();
    site.assay_ok(&["check-proof", &file, "--key", key.trim()])
        .await;
}

async fn unharmed(site: &Site, others: &Posted, before: &Value) {
    let logs = site.assay_ok(&["logs", &others.forge_id]).await;
    assert!(logs.contains("somebody-elses-content"), "{logs}");
    let id = before["verifications"][0]["id"].as_str().unwrap();
    let replayed = site.assay_json(&["replay", id, "--json"]).await;
    assert_eq!(replayed["verdict"], "agrees", "{replayed}");
    let person = ["privacy", "export", "github:example-learner"];
    let held = site.assay_json(&[&person[..], &WHY[..]].concat()).await;
    assert!(held.to_string().contains(AUTHOR_NAME), "{held}");
}
