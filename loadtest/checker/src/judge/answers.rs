//! Judges the answers: each request that was answered 2xx must have its place in the ledger.

use std::collections::{HashMap, HashSet};

use crate::judge::{Bodies, Body, found};
use crate::ledger::{Ledger, Receipt};
use crate::sent::{Account, Answer, Expected, Request};
use crate::verdict::{Fault, Verdict};

/// What the ledger knows of bodies.
struct Places<'a> {
    receipts: HashMap<(&'a str, &'a str), &'a Receipt>,
    conflicts: HashSet<(&'a str, &'a str)>,
    /// Messages that became dead letters: a delivery's is named by its id and body.
    dead: HashSet<&'a str>,
}

impl<'a> Places<'a> {
    fn receipt(&self, request: &'a Request) -> Option<&'a Receipt> {
        let key = (request.source.as_str(), request.forge_delivery.as_str());
        self.receipts.get(&key).copied()
    }

    /// The delivery's id, if the ledger has this very body.
    fn recorded(&self, request: &'a Request) -> Option<&'a str> {
        let receipt = self.receipt(request)?;
        let body = request.body_sha256.as_str();
        let conflict = self.conflicts.contains(&(receipt.delivery.as_str(), body));
        (receipt.digest == body || conflict).then_some(receipt.delivery.as_str())
    }
}

pub(crate) fn judge<'a>(
    account: &'a Account,
    ledger: &'a Ledger,
    verdict: &mut Verdict,
) -> Bodies<'a> {
    for name in NUMBERS {
        verdict.count(name, 0);
    }
    let places = places(ledger, verdict);
    let mut bodies = Bodies::new();
    for (number, request) in &account.requests {
        let answer = account.answers.get(number);
        let recorded = places.recorded(request);
        one(request, answer, recorded, &places, verdict);
        let success = answer.is_some_and(is_success) && request.expect == Expected::Recorded;
        let key = (
            request.source.as_str(),
            request.forge_delivery.as_str(),
            request.body_sha256.as_str(),
        );
        let body = bodies.entry(key).or_insert(Body {
            first: request,
            promised: false,
            recorded,
        });
        body.promised |= success;
    }
    verdict.count("bodies", bodies.len() as u64);
    strangers(&bodies, ledger, verdict);
    bodies
}

const NUMBERS: [&str; 10] = [
    "sent",
    "answered 2xx",
    "answered 2xx as duplicate",
    "answered 2xx, nothing to record",
    "recorded",
    "dead-lettered",
    "answered otherwise, not there",
    "answered otherwise, there",
    "no answer, not there",
    "no answer, there",
];

fn is_success(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

/// Puts a request into one class, and finds what is lost.
fn one(
    request: &Request,
    answer: Option<&Answer>,
    recorded: Option<&str>,
    places: &Places<'_>,
    verdict: &mut Verdict,
) {
    verdict.count("sent", 1);
    let Some(answer) = answer else {
        let name = if recorded.is_some() {
            "no answer, there"
        } else {
            "no answer, not there"
        };
        return verdict.count(name, 1);
    };
    if !is_success(answer) {
        let there = recorded.is_some();
        let name = if there {
            "answered otherwise, there"
        } else {
            "answered otherwise, not there"
        };
        return verdict.count(name, 1);
    }
    verdict.count("answered 2xx", 1);
    if answer.duplicate {
        verdict.count("answered 2xx as duplicate", 1);
    }
    let which = || {
        format!(
            "request {}: {} {}",
            request.request, request.source, request.forge_delivery
        )
    };
    if request.expect == Expected::Nothing {
        verdict.count("answered 2xx, nothing to record", 1);
        if recorded.is_some() {
            verdict.find(Fault::Wrong, "recorded though nobody wants it", which());
        }
        return;
    }
    if let Some(recorded) = recorded {
        verdict.count("recorded", 1);
        if answer.delivery.as_deref() != Some(recorded) {
            let told = answer.delivery.as_deref().unwrap_or("none");
            let which = format!("{}: told {told}, recorded {recorded}", which());
            verdict.find(Fault::Wrong, "receipt names another delivery", which);
        }
        return;
    }
    let delivery = answer.delivery.as_deref().unwrap_or_default();
    let message = format!("{delivery}:{}", request.body_sha256);
    if places.dead.contains(message.as_str()) {
        return verdict.count("dead-lettered", 1);
    }
    verdict.find(
        Fault::Lost,
        "answered 2xx and neither recorded nor dead-lettered",
        which(),
    );
}

/// Looks at receipts on the way: an id has one, and one delivery.
fn places<'a>(ledger: &'a Ledger, verdict: &mut Verdict) -> Places<'a> {
    let mut receipts = HashMap::new();
    for receipt in &ledger.receipts {
        let key = (receipt.source.as_str(), receipt.forge_delivery.as_str());
        if receipts.insert(key, receipt).is_some() {
            let which = format!("{} {}", key.0, key.1);
            verdict.find(Fault::Doubled, "delivery id with two receipts", which);
        }
    }
    let mut conflicts = HashSet::new();
    for conflict in &ledger.conflicts {
        let key = (conflict.delivery.as_str(), conflict.digest.as_str());
        if !conflicts.insert(key) {
            verdict.find(Fault::Doubled, "conflict", format!("{} {}", key.0, key.1));
        }
    }
    let dead = ledger
        .dead
        .iter()
        .filter(|dead| dead.action == "dead-lettered");
    Places {
        receipts,
        conflicts,
        dead: dead.map(|dead| dead.message_id.as_str()).collect(),
    }
}

/// Rows of deliveries that nobody sent, and deliveries that contradict their receipts.
fn strangers(bodies: &Bodies<'_>, ledger: &Ledger, verdict: &mut Verdict) {
    verdict.count("deliveries", ledger.deliveries.len() as u64);
    verdict.count("conflicts", ledger.conflicts.len() as u64);
    let sent: HashMap<(&str, &str), &str> = bodies
        .values()
        .filter_map(|body| {
            let key = (body.recorded?, body.first.body_sha256.as_str());
            Some((key, body.first.event.as_str()))
        })
        .collect();
    let found = found::deliveries(ledger);
    let mut digests = HashMap::new();
    for receipt in &ledger.receipts {
        digests.insert(receipt.delivery.as_str(), receipt.digest.as_str());
        if found.contains(receipt.delivery.as_str()) {
            // Sent by nobody: its push is judged by what was pushed.
            continue;
        }
        if !sent.contains_key(&(receipt.delivery.as_str(), receipt.digest.as_str())) {
            let which = format!("{} {}", receipt.source, receipt.forge_delivery);
            verdict.find(Fault::Wrong, "receipt of a body that was never sent", which);
        }
    }
    for conflict in &ledger.conflicts {
        if !sent.contains_key(&(conflict.delivery.as_str(), conflict.digest.as_str())) {
            let which = format!("{} {:.12}", conflict.delivery, conflict.digest);
            verdict.find(
                Fault::Wrong,
                "conflict with a body that was never sent",
                which,
            );
        }
        if digests.get(conflict.delivery.as_str()) == Some(&conflict.digest.as_str()) {
            verdict.find(
                Fault::Wrong,
                "conflict with the very same body",
                &conflict.delivery,
            );
        }
    }
    let mut seen = HashSet::new();
    for delivery in &ledger.deliveries {
        let id = delivery.id.as_str();
        if !seen.insert(id) {
            verdict.find(Fault::Doubled, "delivery", id);
        }
        if digests.get(id) != Some(&delivery.digest.as_str()) {
            verdict.find(
                Fault::Wrong,
                "delivery with another body than its receipt",
                id,
            );
        }
        let event = sent.get(&(id, delivery.digest.as_str()));
        if event.is_some_and(|event| *event != delivery.event) {
            verdict.find(Fault::Wrong, "delivery with another event", id);
        }
        match delivery.entries {
            0 => verdict.find(Fault::Lost, "audit entry of a delivery", id),
            1 => {}
            _ => verdict.find(Fault::Doubled, "audit entry of a delivery", id),
        }
    }
    for (id, _) in digests.iter().filter(|(id, _)| !seen.contains(*id)) {
        verdict.find(Fault::Lost, "delivery of a receipt", *id);
    }
}
