//! Sources and secrets are read again while the ingest runs.

use serde_json::{Value, json};
use testkit::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::request::{Request, SECRET};
use crate::world::World;

const NEXT: &[u8] = b"the next secret of the tests";

/// A secret's entry, with its file.
fn secret(world: &World, name: &str, content: &[u8]) -> Value {
    let file = world.house.folder("secrets").join(name);
    std::fs::write(&file, content).unwrap();
    json!({ "name": name, "file": file })
}

/// Sends until it is answered so.
async fn until_answered(world: &World, request: &Request, status: u16) {
    wait::until(&format!("it is answered {status}"), async || {
        let answer = request.send(world).await;
        match answer.status {
            found if found == status => Ok(()),
            _ => Err(format!("{answer:?}")),
        }
    })
    .await;
}

fn metrics() -> String {
    process::metrics::Metrics::install().unwrap().render()
}

fn metric(line: &str) -> Option<f64> {
    let all = metrics();
    let found = all.lines().find_map(|text| text.strip_prefix(line));
    found.map(|value| value.trim().parse().unwrap())
}

#[tokio::test]
async fn a_secret_is_replaced_without_a_restart_and_nothing_signed_by_either_is_refused() {
    metrics();
    let mut world = World::start().await;
    let old = Request::push("old", "one");
    let new = Request::push("new", "two").signed_by(NEXT);
    assert_eq!(old.send(&world).await.status, 202);
    assert_eq!(new.send(&world).await.status, 401);

    let both = json!([
        secret(&world, "newer", SECRET),
        secret(&world, "next", NEXT)
    ]);
    world.change("sources.github.secrets", both);
    wait::until("the new one is live", async || {
        assert_eq!(old.send(&world).await.status, 202, "the old one signs on");
        let answer = new.send(&world).await;
        if answer.status == 202 {
            Ok(())
        } else {
            Err(format!("{answer:?}"))
        }
    })
    .await;
    let used = r#"assay_hook_keys_total{source="github",key="next"}"#;
    assert!(metric(used).unwrap() >= 1.0, "{}", metrics());
    let last = r#"assay_hook_key_last_used_timestamp_seconds{source="github",key="next"}"#;
    assert!(metric(last).unwrap() > 1.7e9, "{}", metrics());
    // One that nobody has used shows as such.
    let idle = r#"assay_hook_keys_total{source="github",key="older"}"#;
    assert!(metric(idle).is_some(), "{}", metrics());

    let next = secret(&world, "next", NEXT);
    world.change("sources.github.secrets", json!([next]));
    until_answered(&world, &old, 401).await;
    assert_eq!(new.send(&world).await.status, 202);
}

#[tokio::test]
async fn a_secrets_file_that_is_written_anew_is_read_again() {
    let world = World::start().await;
    let next = Request::push("next", "one").signed_by(NEXT);
    assert_eq!(next.send(&world).await.status, 401);
    secret(&world, "older", NEXT);
    until_answered(&world, &next, 202).await;
    assert_eq!(Request::push("newer", "two").send(&world).await.status, 202);
}

#[tokio::test]
async fn a_source_is_added_and_removed_while_it_runs() {
    let mut world = World::start().await;
    let mut there = Request::push("d", "one");
    there.source = "second".to_owned();
    assert_eq!(there.send(&world).await.status, 404);
    let only = secret(&world, "only", SECRET);
    let source = json!({
        "provider": "github",
        "fetch_url": "https://forge.example/{full_name}.git",
        "secrets": [only],
    });
    world.change("sources.second", source);
    until_answered(&world, &there, 202).await;
    assert_eq!(Request::push("e", "two").send(&world).await.status, 202);

    let file = world.settings_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let mut all: toml::Table = text.parse().unwrap();
    all["sources"]
        .as_table_mut()
        .unwrap()
        .remove("second")
        .unwrap();
    std::fs::write(&file, toml::to_string(&all).unwrap()).unwrap();
    until_answered(&world, &there, 404).await;
    assert_eq!(Request::push("f", "three").send(&world).await.status, 202);
}

#[tokio::test]
async fn a_request_keeps_to_the_end_the_secrets_that_it_began_with() {
    let mut world = World::start().await;
    let slow = Request::push("slow", &"x".repeat(1_000_000));
    let length = slow.body.len();
    let head = slow.head(&format!("content-length: {length}\r\n"));
    let address = world.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (first, rest) = slow.body.split_at(length - 10);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(first).await.unwrap();
    // Its head is long read when this one is answered: they come to one listener in order.
    assert_eq!(Request::push("quick", "x").send(&world).await.status, 202);

    let next = secret(&world, "next", NEXT);
    world.change("sources.github.secrets", json!([next]));
    until_answered(&world, &Request::push("later", "x"), 401).await;
    stream.write_all(rest).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}

#[tokio::test]
async fn a_bad_configuration_changes_nothing_and_is_said_until_a_good_one_comes() {
    metrics();
    let mut world = World::start().await;
    let good = std::fs::read_to_string(world.settings_file()).unwrap();
    let note = |world: &World| world.health.report().parts["sources"].note.clone();
    let missing = world.house.folder("secrets").join("not-there");
    for (bad, word) in [
        ("[sources".to_owned(), "assay.toml:1:"),
        (
            good.replace("provider = \"github\"", "provider = \"svn\""),
            "provider",
        ),
        (good.replace("newer", "not-there"), "not-there"),
        (String::new(), "at least one source"),
    ] {
        std::fs::write(world.settings_file(), bad).unwrap();
        wait::until("it says so", async || match note(&world) {
            Some(said) if said.contains(word) => Ok(()),
            other => Err(format!("{other:?} instead of {word}")),
        })
        .await;
        assert!(world.health.report().ready, "it goes on");
        assert_eq!(Request::push("d", "one").send(&world).await.status, 202);
        assert_eq!(metric("assay_sources_refused"), Some(1.0));
    }
    assert!(!missing.exists());
    world.change("ingest.drain_seconds", 20.into());
    wait::until("it says nothing more", async || match note(&world) {
        None => Ok(()),
        said => Err(format!("{said:?}")),
    })
    .await;
    assert_eq!(metric("assay_sources_refused"), Some(0.0));
    let refused = r#"assay_sources_reloads_total{outcome="refused"}"#;
    assert!(metric(refused).unwrap() >= 4.0, "{}", metrics());
}

#[tokio::test]
async fn a_hangup_is_a_wish_to_read_again_and_ends_nothing() {
    metrics();
    let world = World::start().await;
    let unchanged = r#"assay_sources_reloads_total{outcome="unchanged"}"#;
    let before = metric(unchanged).unwrap_or(0.0);
    let own = std::process::id().to_string();
    // It listens once it has said that its sources are there.
    wait::until("the sources are there", async || {
        let report = world.health.report();
        match report.parts.get("sources") {
            Some(part) if part.ready => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let sent = tokio::process::Command::new("kill")
        .args(["-HUP", &own])
        .status();
    assert!(sent.await.unwrap().success());
    wait::until("it was read again", async || match metric(unchanged) {
        Some(after) if after > before => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert_eq!(Request::push("d", "one").send(&world).await.status, 202);
}
