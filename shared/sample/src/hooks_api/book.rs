//! Owns what the stand-in for GitHub's API knows: hooks, and every try to deliver, as the API tells
//! of them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::delivery::SignedDelivery;

/// One try to deliver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Try {
    /// Its number, higher than those of tries before it.
    pub id: u64,
    /// The delivery's GUID.
    pub guid: String,
    /// The status that was answered; 0 for none.
    pub status: u16,
    /// Whether somebody asked for it through the API.
    pub again: bool,
    /// When it was made.
    pub at: DateTime<Utc>,
    hook: u64,
    signed: SignedDelivery,
}

#[derive(Debug)]
struct Hook {
    owner: String,
    url: String,
}

/// Hooks and tries.
#[derive(Debug, Default)]
pub(super) struct Book {
    hooks: BTreeMap<u64, Hook>,
    tries: Vec<Try>,
}

impl Try {
    fn header(&self, name: &str) -> &str {
        let headers = self.signed.headers.iter();
        let found = headers.clone().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "guid": self.guid,
            "delivered_at": self.at.to_rfc3339(),
            "redelivery": self.again,
            "duration": 0.27,
            "status": if (200..300).contains(&self.status) { "OK" } else { "Failed" },
            "status_code": self.status,
            "event": self.header("x-github-event"),
            "action": null,
            "installation_id": null,
            "repository_id": null,
            "throttled_at": null,
        })
    }
}

impl Book {
    pub(super) fn add_hook(&mut self, owner: &str, url: &str) -> u64 {
        let number = self.hooks.len() as u64 + 1;
        let hook = Hook {
            owner: owner.to_owned(),
            url: url.to_owned(),
        };
        self.hooks.insert(number, hook);
        number
    }

    pub(super) fn url_of(&self, hook: u64) -> String {
        self.hooks[&hook].url.clone()
    }

    pub(super) fn hooks_of(&self, owner: &str) -> Vec<Value> {
        let hooks = self.hooks.iter();
        let hooks = hooks.filter(|(_, hook)| hook.owner.eq_ignore_ascii_case(owner));
        hooks
            .map(|(id, hook)| {
                json!({
                    "id": id, "type": "Repository", "name": "web", "active": true,
                    "events": ["push"],
                    "config": { "url": hook.url, "content_type": "json", "insecure_ssl": "0" },
                })
            })
            .collect()
    }

    pub(super) fn keep(
        &mut self,
        hook: u64,
        signed: &SignedDelivery,
        status: u16,
        again: bool,
        seconds_ago: u64,
    ) {
        let ago = TimeDelta::seconds(i64::try_from(seconds_ago).unwrap_or(i64::MAX));
        let mut kept = Try {
            id: self.tries.len() as u64 + 1,
            guid: String::new(),
            status,
            again,
            at: Utc::now() - ago,
            hook,
            signed: signed.clone(),
        };
        kept.guid = kept.header("x-github-delivery").to_owned();
        self.tries.push(kept);
    }

    pub(super) fn tries(&self, guid: &str) -> Vec<Try> {
        let tries = self.tries.iter();
        tries.filter(|one| one.guid == guid).cloned().collect()
    }

    /// The tries from `cursor` backwards, at most so many, and where the next page begins.
    pub(super) fn page(
        &self,
        hook: u64,
        cursor: Option<u64>,
        entries: usize,
    ) -> (Vec<Value>, Option<u64>) {
        let newest_first = self.tries.iter().rev();
        let mut left = newest_first
            .filter(|one| one.hook == hook && cursor.is_none_or(|cursor| one.id <= cursor));
        let page = left.by_ref().take(entries).map(Try::json).collect();
        (page, left.next().map(|one| one.id))
    }

    pub(super) fn detail(&self, hook: u64, delivery: u64) -> Option<Value> {
        let found = self.find(hook, delivery)?;
        let mut detail = found.json();
        let headers: BTreeMap<_, _> = found.signed.headers.iter().cloned().collect();
        let payload: Value = serde_json::from_slice(&found.signed.body).unwrap_or_default();
        detail["request"] = json!({ "headers": headers, "payload": payload });
        detail["response"] = json!({ "headers": {}, "payload": "" });
        Some(detail)
    }

    pub(super) fn signed(&self, hook: u64, delivery: u64) -> Option<SignedDelivery> {
        self.find(hook, delivery).map(|found| found.signed.clone())
    }

    fn find(&self, hook: u64, delivery: u64) -> Option<&Try> {
        let mut tries = self.tries.iter();
        tries.find(|one| one.hook == hook && one.id == delivery)
    }
}
