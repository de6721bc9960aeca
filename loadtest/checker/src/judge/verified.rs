//! Judges verifications: each head has its request and its result, and none without a cause.

use std::collections::{HashMap, HashSet};

use crate::judge::found::Found;
use crate::judge::{Bodies, Drained};
use crate::ledger::{Ledger, Request, Tried};
use crate::verdict::{Fault, Verdict};

/// How the cause of a request begins that a push asked for.
const BY_PUSH: &str = "push:";

pub(crate) fn judge(
    bodies: &Bodies<'_>,
    found: &Found<'_>,
    ledger: &Ledger,
    drained: Drained,
    verdict: &mut Verdict,
) {
    verdict.count("verification requests", ledger.requests.len() as u64);
    for name in [
        "results",
        "tries that ended in error",
        "requests to be tried again",
    ] {
        verdict.count(name, 0);
    }
    let mut tried: HashMap<&str, Vec<&Tried>> = HashMap::new();
    for one in &ledger.tried {
        tried.entry(&one.request).or_default().push(one);
    }
    let mut seen = HashSet::new();
    let mut finals = HashMap::new();
    for request in &ledger.requests {
        if !seen.insert((&request.cause, &request.attempt, &request.lab_version)) {
            verdict.find(Fault::Doubled, "verification request", &request.id);
        }
        let tries = tried
            .get(request.id.as_str())
            .map_or(&[][..], Vec::as_slice);
        if let Some(result) = tries_of(request, tries, drained, verdict) {
            finals.insert(request.id.as_str(), result);
        }
    }
    heads(bodies, found, ledger, &finals, verdict);
}

/// Looks at the tries of a request; gives its result, if it has one that stays.
fn tries_of<'a>(
    request: &Request,
    tries: &[&'a Tried],
    drained: Drained,
    verdict: &mut Verdict,
) -> Option<&'a str> {
    let mut result = None;
    let mut numbers = HashSet::new();
    for one in tries {
        if !numbers.insert(one.number) {
            let which = format!("{} try {}", request.id, one.number);
            verdict.find(Fault::Doubled, "try of a request", which);
        }
        if result.is_some() {
            let which = format!("{} try {}", request.id, one.number);
            verdict.find(Fault::Doubled, "try after a result, without a cause", which);
        }
        if one.result == "error" {
            verdict.count("tries that ended in error", 1);
        } else {
            verdict.count("results", 1);
            result = result.or(Some(one.result.as_str()));
        }
    }
    if result.is_none() {
        match tries.last() {
            Some(last) if last.comes_again => verdict.count("requests to be tried again", 1),
            Some(_) => {}
            None if drained == Drained::Yes => {
                let which = format!("{} ({})", request.id, request.cause);
                verdict.find(Fault::Lost, "result of a request", which);
            }
            None => {}
        }
    }
    result
}

/// The heads whose result the account foretells.
fn heads(
    bodies: &Bodies<'_>,
    found: &Found<'_>,
    ledger: &Ledger,
    finals: &HashMap<&str, &str>,
    verdict: &mut Verdict,
) {
    let mut by_attempt: HashMap<&str, Vec<&Request>> = HashMap::new();
    for request in &ledger.requests {
        by_attempt
            .entry(&request.attempt)
            .or_default()
            .push(request);
    }
    // How many pushes named a commit as their head, and what it is to come out as.
    let mut pushed: HashMap<(&str, &str), (usize, Option<&str>)> = HashMap::new();
    let recorded = bodies.values().filter(|body| body.recorded.is_some());
    let told = recorded.flat_map(|body| body.pushes()).flat_map(|push| {
        let of = (push.repository.as_str(), push.result.as_deref());
        push.verified().map(move |commit| (of.0, commit, of.1))
    });
    let found = found.pushes.iter();
    let found = found.map(|push| (push.repository, push.after, push.result()));
    for (repository, after, result) in told.chain(found) {
        let known = pushed.entry((repository, after)).or_default();
        known.0 += 1;
        known.1 = known.1.or(result);
    }
    let repositories: HashMap<&str, &str> = ledger
        .sessions
        .iter()
        .map(|session| (session.id.as_str(), session.repository.as_str()))
        .collect();
    for attempt in &ledger.attempts {
        let repository = repositories.get(attempt.session.as_str()).copied();
        let key = (repository.unwrap_or_default(), attempt.commit.as_str());
        let (pushes, wanted) = pushed.get(&key).copied().unwrap_or_default();
        let requests = by_attempt
            .get(attempt.id.as_str())
            .map_or(&[][..], Vec::as_slice);
        let by_push = requests.iter().filter(|r| r.cause.starts_with(BY_PUSH));
        let which = || format!("{} in {}", attempt.commit, key.0);
        if by_push.count() > pushes {
            verdict.find(
                Fault::Doubled,
                "request for a head, without a push",
                which(),
            );
        }
        let Some(wanted) = wanted else { continue };
        if requests.is_empty() {
            verdict.find(Fault::Lost, "verification request of a head", which());
        }
        for request in requests {
            match finals.get(request.id.as_str()) {
                Some(result) if *result != wanted && *result != "superseded" => {
                    let which = format!("{}: {result}, not {wanted}", which());
                    verdict.find(Fault::Wrong, "result", which);
                }
                _ => {}
            }
        }
    }
}
