//! The list against those whose things it lists.

use std::collections::BTreeSet;

use bus::topology::{CONSUMERS, STREAMS};
use deploy::list::{list, owner};
use deploy::plan::{FOLDERS, NEEDS, SECRETS};
use process::settings::service::Service;
use serde_json::Value;

use crate::files::same;

/// Whether each token of `subject`, which may be a pattern itself, is covered by `pattern`.
fn covers(pattern: &str, subject: &str) -> bool {
    let (pattern, subject): (Vec<_>, Vec<_>) =
        (pattern.split('.').collect(), subject.split('.').collect());
    let token = |(p, s): (&&str, &&str)| *p == "*" || p == s;
    pattern.len() == subject.len() && pattern.iter().zip(&subject).all(token)
}

#[test]
fn the_list_is_the_one_in_the_folder() {
    let text = serde_json::to_string_pretty(&list()).unwrap();
    same("list.json", &(text + "\n"));
}

#[test]
fn every_service_has_its_needs_once() {
    for service in Service::ALL {
        let found = NEEDS.iter().filter(|needs| needs.service == service);
        assert_eq!(found.count(), 1, "{service}");
    }
}

#[test]
fn every_consumer_is_some_services_own() {
    for spec in CONSUMERS {
        assert!(owner(spec.durable).is_some(), "{}", spec.durable);
    }
}

#[test]
fn what_a_service_publishes_lies_in_a_stream_or_is_told_live() {
    let live = "assay.live.*";
    for needs in NEEDS {
        for subject in needs.publishes {
            let streams = STREAMS.iter().flat_map(|spec| spec.subjects);
            let mut taken =
                streams.filter(|pattern| covers(subject, pattern) || covers(pattern, subject));
            let known = *subject == live || taken.next().is_some();
            assert!(known, "{}: {subject}", needs.service);
        }
    }
}

#[test]
fn what_a_stream_of_work_carries_is_published_by_somebody() {
    // Dead letters are everybody's.
    for spec in STREAMS.iter().filter(|spec| spec.name != "DEAD") {
        for subject in spec.subjects {
            let by = NEEDS.iter().find(|needs| {
                let mut published = needs.publishes.iter();
                published.any(|pattern| covers(pattern, subject) || covers(subject, pattern))
            });
            assert!(by.is_some(), "{subject}");
        }
    }
}

#[test]
fn the_settings_that_name_secrets_and_folders_are_settings() {
    let mut text =
        crate::settings::uncommented(include_str!("../../../../deploy/local/assay.toml.example"));
    text = text.replace("sources.github", "sources.any");
    let example: Value = toml::from_str(&text).unwrap();
    let named: BTreeSet<&str> = SECRETS
        .iter()
        .map(|secret| secret.setting)
        .chain(FOLDERS.iter().map(|folder| folder.setting))
        .collect();
    for setting in named {
        let pointer = format!("/{}", setting.replace('*', "any").replace('.', "/"));
        assert!(example.pointer(&pointer).is_some(), "{setting}");
    }
}

#[test]
fn the_servers_of_nats_have_room_for_every_stream_at_its_bound() {
    let settings = crate::files::read("nats/nats.conf");
    assert!(settings.contains("\n  sync_interval: always\n"));
    let store = settings.lines().find_map(|line| {
        let size = line.trim().strip_prefix("max_file_store: ")?;
        size.strip_suffix("GB")?.parse::<i64>().ok()
    });
    // As nats-server reads it.
    let store = store.unwrap() << 30;
    let bounds: i64 = STREAMS.iter().map(|spec| spec.bytes_max).sum();
    assert!(bounds < store / 6 * 5, "{bounds} of {store} bytes");
}
