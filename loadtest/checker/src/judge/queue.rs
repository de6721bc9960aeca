//! Judges what waits or was given up: dead letters with their reasons, and the log's entries.

use std::collections::{HashMap, HashSet};

use crate::judge::Drained;
use crate::ledger::Ledger;
use crate::sent::Account;
use crate::verdict::{Fault, Verdict};

pub(crate) fn judge(account: &Account, ledger: &Ledger, drained: Drained, verdict: &mut Verdict) {
    dead_letters(account, ledger, verdict);
    log(ledger, drained, verdict);
}

fn dead_letters(account: &Account, ledger: &Ledger, verdict: &mut Verdict) {
    verdict.count("poison messages", account.poisons.len() as u64);
    let letters = ledger
        .dead
        .iter()
        .filter(|row| row.action == "dead-lettered");
    let mut reasons: HashMap<(&str, &str), &str> = HashMap::new();
    let poisons: HashSet<&str> = account
        .poisons
        .iter()
        .map(|p| p.message_id.as_str())
        .collect();
    verdict.count("dead letters of no poison", 0);
    for letter in letters {
        if !poisons.contains(letter.message_id.as_str()) {
            verdict.count("dead letters of no poison", 1);
        }
        *verdict.dead.entry(letter.reason.clone()).or_default() += 1;
        if letter.reason.trim().is_empty() {
            verdict.find(
                Fault::Wrong,
                "dead letter without a reason",
                &letter.message_id,
            );
        }
        reasons.insert((&letter.stream, &letter.message_id), &letter.reason);
    }
    let mut seen = HashSet::new();
    for poison in &account.poisons {
        let key = (poison.stream.as_str(), poison.message_id.as_str());
        if seen.insert(key) && !reasons.contains_key(&key) {
            let which = format!("{} of {}", poison.message_id, poison.stream);
            verdict.find(Fault::Lost, "dead letter of a poison message", which);
        }
    }
}

fn log(ledger: &Ledger, drained: Drained, verdict: &mut Verdict) {
    let log = &ledger.log;
    let number = |number: i64| u64::try_from(number).unwrap_or_default();
    verdict.count("repeats in the log", number(log.repeats));
    verdict.count("leaves of the log", number(log.leaves));
    verdict.count("entries without a leaf yet", number(log.pending));
    if log.forgotten > 0 {
        let which = format!("{} of them", log.forgotten);
        verdict.find(
            Fault::Lost,
            "audit entry with neither leaf nor place in the queue",
            which,
        );
    }
    if log.leaves != log.last_leaf {
        let which = format!(
            "{} leaves, the last has index {}",
            log.leaves,
            log.last_leaf - 1
        );
        verdict.find(Fault::Wrong, "log with a hole", which);
    }
    if drained == Drained::Yes && log.pending > 0 {
        let which = format!("{} of them", log.pending);
        verdict.find(Fault::Unaccounted, "audit entry without a leaf", which);
    }
}
