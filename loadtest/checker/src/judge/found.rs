//! Judges pushes that no webhook told of and that were found in git: each is one that somebody
//! made, and none that was made without a webhook is left out.

use std::collections::{HashMap, HashSet};

use crate::judge::Drained;
use crate::ledger::{Ledger, Push};
use crate::sent::{Account, PushSent};
use crate::verdict::{Fault, Verdict};

/// The event of a delivery that stands for a push that was found.
pub(crate) const REF_FOUND: &str = "assay-ref-found";

/// The deliveries that stand for what was found, and their pushes.
#[derive(Debug, Default)]
pub(crate) struct Found<'a> {
    deliveries: HashSet<&'a str>,
    pub(crate) pushes: Vec<FoundPush<'a>>,
}

/// A push that was found.
#[derive(Debug)]
pub(crate) struct FoundPush<'a> {
    pub(crate) repository: &'a str,
    /// Where the ref was.
    pub(crate) after: &'a str,
    /// What was pushed: it ends there, or passes it by, commit by commit.
    pub(crate) of: &'a PushSent,
}

impl FoundPush<'_> {
    /// The commits of what was pushed, as far as it had come.
    pub(crate) fn commits(&self) -> &[String] {
        let commits = &self.of.commits;
        let place = commits.iter().position(|commit| commit == self.after);
        &commits[..place.map_or(0, |place| place + 1)]
    }

    /// How its head must come out, if that is known.
    pub(crate) fn result(&self) -> Option<&str> {
        let is_end = self.of.after.as_deref() == Some(self.after);
        self.of.result.as_deref().filter(|_| is_end)
    }
}

impl Found<'_> {
    pub(crate) fn has(&self, delivery: &str) -> bool {
        self.deliveries.contains(delivery)
    }
}

pub(crate) fn deliveries(ledger: &Ledger) -> HashSet<&str> {
    let found = ledger
        .deliveries
        .iter()
        .filter(|one| one.event == REF_FOUND);
    found.map(|one| one.id.as_str()).collect()
}

pub(crate) fn judge<'a>(
    account: &'a Account,
    ledger: &'a Ledger,
    verdict: &mut Verdict,
) -> Found<'a> {
    verdict.count("pushed without a webhook", account.silent.len() as u64);
    let mut found = Found {
        deliveries: deliveries(ledger),
        pushes: Vec::new(),
    };
    verdict.count("pushes found", found.deliveries.len() as u64);
    let mut made: HashMap<(&str, &str, &str), &PushSent> = HashMap::new();
    for push in account.pushed() {
        for commit in push.commits.iter().chain(&push.after) {
            let key = (
                push.repository.as_str(),
                push.ref_name.as_str(),
                commit.as_str(),
            );
            made.entry(key).or_insert(push);
        }
    }
    for push in &ledger.pushes {
        if !found.has(&push.delivery) {
            continue;
        }
        let (repository, after) = (push.repository.as_str(), push.after.as_deref());
        let of = after.and_then(|after| made.get(&(repository, push.ref_name.as_str(), after)));
        match (after, of) {
            (Some(after), Some(of)) => found.pushes.push(FoundPush {
                repository,
                after,
                of,
            }),
            _ => verdict.find(Fault::Wrong, "push found that nobody made", named(push)),
        }
    }
    found
}

/// Once the queues have drained, what was pushed without a webhook is an attempt of its session.
pub(crate) fn silent(account: &Account, ledger: &Ledger, drained: Drained, verdict: &mut Verdict) {
    if drained == Drained::NotYet {
        return;
    }
    let repositories: HashMap<&str, &str> = ledger
        .sessions
        .iter()
        .map(|session| (session.id.as_str(), session.repository.as_str()))
        .collect();
    let attempts: HashSet<(&str, &str)> = ledger
        .attempts
        .iter()
        .filter_map(|one| {
            Some((
                *repositories.get(one.session.as_str())?,
                one.commit.as_str(),
            ))
        })
        .collect();
    for push in account.silent.iter().map(|silent| &silent.push) {
        for commit in &push.commits {
            if !attempts.contains(&(push.repository.as_str(), commit.as_str())) {
                let which = format!("{commit} of {} {}", push.repository, push.ref_name);
                verdict.find(Fault::Lost, "push without a webhook", which);
            }
        }
    }
}

fn named(push: &Push) -> String {
    let after = push.after.as_deref().unwrap_or("nothing");
    format!("{} {} at {after}", push.repository, push.ref_name)
}
