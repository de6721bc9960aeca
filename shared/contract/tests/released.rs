//! Holds this version against the messages of the released ones, in a roll's both directions: what
//! they wrote is read, and what is written now has all that they read. The files of a version are
//! its golden files as they were; `docs/COMPATIBILITY.md` says how they come here.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where and why"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use contract::command::dead_letter::{DeadDiscardRequested, DeadSendBackRequested};
use contract::command::privacy::{PrivacyOrdered, RetentionRequested, RewrapRequested};
use contract::command::replay::ReplayRequested;
use contract::command::{LabPublishRequested, ReconcileRequested, SessionOpenRequested};
use contract::delivery::{DeliveryReceived, RefFound};
use contract::fact::Fact;
use contract::job::{CommitsFound, SnapshotRequested, VerificationRequested};
use contract::lane::LaneManifest;
use contract::notice::{
    BrokerChanged, HooksRefused, SecretsChanged, SpoolChanged, TopologyApplied,
};
use contract::reprocess::{ReprocessDue, ReprocessRequested, ReprocessStopRequested};
use contract::unchecked::UncheckedRequested;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What a later version may add anywhere.
const ADDED: &str = "added_by_a_later_version";

/// Reads a body as the message that its file is named after.
fn read(name: &str, body: Value) -> Result<(), String> {
    match name {
        "broker-changed" => read_as::<BrokerChanged>(body),
        "commits-found" => read_as::<CommitsFound>(body),
        "dead-discard-requested" => read_as::<DeadDiscardRequested>(body),
        "dead-send-back-requested" => read_as::<DeadSendBackRequested>(body),
        "delivery-received" => read_as::<DeliveryReceived>(body),
        "fact" => read_as::<Fact>(body),
        "hooks-refused" => read_as::<HooksRefused>(body),
        "lab-publish-requested" => read_as::<LabPublishRequested>(body),
        "lane-manifest" => read_as::<LaneManifest>(body),
        "privacy-ordered" => read_as::<PrivacyOrdered>(body),
        "reconcile-requested" => read_as::<ReconcileRequested>(body),
        "ref-found" => read_as::<RefFound>(body),
        "replay-requested" => read_as::<ReplayRequested>(body),
        "reprocess-due" => read_as::<ReprocessDue>(body),
        "reprocess-requested" => read_as::<ReprocessRequested>(body),
        "reprocess-stop-requested" => read_as::<ReprocessStopRequested>(body),
        "retention-requested" => read_as::<RetentionRequested>(body),
        "rewrap-requested" => read_as::<RewrapRequested>(body),
        "secrets-changed" => read_as::<SecretsChanged>(body),
        "session-open-requested" => read_as::<SessionOpenRequested>(body),
        "snapshot-requested" => read_as::<SnapshotRequested>(body),
        "spool-changed" => read_as::<SpoolChanged>(body),
        "topology-applied" => read_as::<TopologyApplied>(body),
        "unchecked-requested" => read_as::<UncheckedRequested>(body),
        name if name.starts_with("verification-requested") => {
            read_as::<VerificationRequested>(body)
        }
        _ => Err("nothing here reads it: messages of a released version may still wait".to_owned()),
    }
}

fn read_as<T: DeserializeOwned>(body: Value) -> Result<(), String> {
    let read: Result<T, _> = serde_json::from_value(body);
    read.map(drop).map_err(|error| error.to_string())
}

fn folder(of: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(of)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

fn load(path: &Path) -> Value {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Where a version in the table refuses what it does not know: the version, the message, and a JSON
/// pointer into its body.
fn closed() -> Vec<(String, String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.toml");
    let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let mut found = Vec::new();
    for version in table["version"].as_array().unwrap() {
        let name = version["version"].as_str().unwrap();
        let places = version.get("closed").and_then(toml::Value::as_array);
        for place in places.into_iter().flatten() {
            let place = place.as_str().unwrap();
            let (message, pointer) = match place.find('/') {
                Some(at) => place.split_at(at),
                None => (place, ""),
            };
            found.push((name.to_owned(), message.to_owned(), pointer.to_owned()));
        }
    }
    found
}

/// Each message of each released version: where it is from, its name, and its file.
fn released() -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for version in names(&folder("released")) {
        for file in names(&folder("released").join(&version)) {
            let wire = load(&folder("released").join(&version).join(&file));
            let name = file.trim_end_matches(".json").to_owned();
            found.push((version.clone(), name, wire));
        }
    }
    assert!(!found.is_empty());
    found
}

/// Adds a field to every object whose keys are fields: not to those whose keys are data.
fn add(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields.iter_mut() {
                if !["headers", "counts"].contains(&name.as_str()) {
                    add(inner);
                }
            }
            fields.insert(ADDED.to_owned(), json!({"of": 1}));
        }
        Value::Array(items) => items.iter_mut().for_each(add),
        _ => {}
    }
}

/// What an older reader misses, or finds to be of another type.
fn missing(old: &Value, new: &Value, at: &str, found: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, inner) in old {
                match new.get(name) {
                    Some(now) => missing(inner, now, &format!("{at}.{name}"), found),
                    None => found.push(format!("{at}.{name} is gone")),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for (old, new) in old.iter().zip(new) {
                missing(old, new, &format!("{at}[]"), found);
            }
        }
        (old, new) if std::mem::discriminant(old) != std::mem::discriminant(new) => {
            found.push(format!("{at} was {old} and is {new}"));
        }
        _ => {}
    }
}

#[test]
fn every_message_of_a_released_version_is_read() {
    for (version, name, wire) in released() {
        let read = read(&name, wire["body"].clone());
        assert_eq!(read, Ok(()), "{name} of {version}");
    }
}

#[test]
fn what_a_later_version_adds_to_a_message_is_passed_over() {
    let golden = folder("golden");
    for file in names(&golden) {
        let mut body = load(&golden.join(&file))["body"].take();
        add(&mut body);
        let Some(name) = file.strip_suffix(".json") else {
            continue;
        };
        // One that is new, and that nobody could have read before, has no line above yet.
        let is_released = released().iter().any(|(_, known, _)| known == name);
        if is_released {
            assert_eq!(read(name, body), Ok(()), "{name}");
        }
    }
}

#[test]
fn what_is_written_now_has_all_that_a_released_version_reads() {
    for (version, name, wire) in released() {
        let now = load(&folder("golden").join(format!("{name}.json")));
        let mut found = Vec::new();
        missing(&wire["body"], &now["body"], &name, &mut found);
        for fixed in ["kind", "event", "subject"] {
            if wire[fixed] != now[fixed] {
                found.push(format!("{fixed} was {} and is {}", wire[fixed], now[fixed]));
            }
        }
        assert!(
            found.is_empty(),
            "readers of {version} do not know {name}: {found:?}"
        );
    }
}

#[test]
fn nothing_is_added_where_a_released_version_refuses_it() {
    for (version, message, pointer) in closed() {
        let fields = |of: &Path| {
            let wire = load(&of.join(format!("{message}.json")));
            let place = wire["body"].pointer(&pointer).and_then(Value::as_object);
            let place = place.unwrap_or_else(|| panic!("{message} has nothing at {pointer:?}"));
            place.keys().cloned().collect::<BTreeSet<_>>()
        };
        let (then, now) = (
            fields(&folder("released").join(&version)),
            fields(&folder("golden")),
        );
        assert_eq!(
            now, then,
            "{version} refuses a {message} with more at {pointer:?}"
        );
    }
}
