//! Judges what deliveries bring: each push once, as it was sent, and each of its commits once in
//! each session of its repository.

use std::collections::{HashMap, HashSet};

use crate::judge::found::Found;
use crate::judge::{Bodies, Body};
use crate::ledger::{Ledger, Push, Session};
use crate::sent::PushSent;
use crate::verdict::{Fault, Verdict};

pub(crate) fn judge(
    bodies: &Bodies<'_>,
    found: &Found<'_>,
    ledger: &Ledger,
    verdict: &mut Verdict,
) {
    verdict.count("pushes", ledger.pushes.len() as u64);
    verdict.count("sessions", ledger.sessions.len() as u64);
    verdict.count("attempts", ledger.attempts.len() as u64);
    pushes(bodies, found, ledger, verdict);
    sessions(ledger, verdict);
    attempts(bodies, found, ledger, verdict);
}

/// By delivery, body and ref.
type Key<'a> = (&'a str, &'a str, &'a str);

fn pushes(bodies: &Bodies<'_>, found: &Found<'_>, ledger: &Ledger, verdict: &mut Verdict) {
    let mut rows: HashMap<Key<'_>, &Push> = HashMap::new();
    for push in &ledger.pushes {
        let key = (
            push.delivery.as_str(),
            push.digest.as_str(),
            push.ref_name.as_str(),
        );
        if rows.insert(key, push).is_some() {
            let which = format!("{} {}", push.delivery, push.ref_name);
            verdict.find(Fault::Doubled, "push", which);
        }
    }
    for body in bodies.values() {
        let Some(delivery) = body.recorded else {
            continue;
        };
        for sent in body.pushes() {
            let key = (
                delivery,
                body.first.body_sha256.as_str(),
                sent.ref_name.as_str(),
            );
            match rows.remove(&key) {
                None => verdict.find(
                    Fault::Lost,
                    "push of a recorded delivery",
                    named(body, sent),
                ),
                Some(row) if !is_same(row, sent) => {
                    verdict.find(
                        Fault::Wrong,
                        "push that differs from what was sent",
                        named(body, sent),
                    );
                }
                Some(_) => {}
            }
        }
    }
    for push in rows.values().filter(|push| !found.has(&push.delivery)) {
        let which = format!("{} {}", push.delivery, push.ref_name);
        verdict.find(Fault::Wrong, "push that was never sent", which);
    }
}

fn is_same(row: &Push, sent: &PushSent) -> bool {
    row.repository == sent.repository && row.before == sent.before && row.after == sent.after
}

fn named(body: &Body<'_>, push: &PushSent) -> String {
    format!("{} {} of {}", push.repository, push.ref_name, body.name())
}

fn sessions(ledger: &Ledger, verdict: &mut Verdict) {
    let mut seen = HashSet::new();
    for session in &ledger.sessions {
        let Session {
            lab,
            repository,
            generation,
            ..
        } = session;
        if !seen.insert((lab, repository, generation)) {
            verdict.find(
                Fault::Doubled,
                "session",
                format!("{repository} in lab {lab}"),
            );
        }
    }
}

fn attempts(bodies: &Bodies<'_>, found: &Found<'_>, ledger: &Ledger, verdict: &mut Verdict) {
    let mut rows: HashMap<(&str, &str), u64> = HashMap::new();
    for attempt in &ledger.attempts {
        *rows.entry((&attempt.session, &attempt.commit)).or_default() += 1;
    }
    for ((session, commit), _) in rows.iter().filter(|(_, number)| **number > 1) {
        verdict.find(
            Fault::Doubled,
            "attempt",
            format!("{commit} in session {session}"),
        );
    }
    let mut of: HashMap<&str, Vec<&Session>> = HashMap::new();
    for session in &ledger.sessions {
        of.entry(&session.repository).or_default().push(session);
    }
    let mut wanted: HashSet<(&str, &str)> = HashSet::new();
    let recorded = bodies.values().filter(|body| body.recorded.is_some());
    let told = recorded.flat_map(|body| body.pushes().iter().map(move |push| (Some(body), push)));
    let told = told.map(|(body, push)| (body, push, push.commits.as_slice()));
    let found = found.pushes.iter();
    let found = found.map(|found| (None, found.of, found.commits()));
    for (body, push, commits) in told.chain(found) {
        let which = || match body {
            Some(body) => named(body, push),
            None => format!("{} {}, found", push.repository, push.ref_name),
        };
        let sessions = of.get(push.repository.as_str());
        if sessions.is_none() && push.enrolled {
            verdict.find(Fault::Lost, "session of an enrolled repository", which());
        }
        for session in sessions.into_iter().flatten() {
            for commit in commits
                .iter()
                .filter(|commit| !is_start(session, push, commit))
            {
                let key = (session.id.as_str(), commit.as_str());
                if wanted.insert(key) && !rows.contains_key(&key) {
                    verdict.find(Fault::Lost, "attempt", format!("{commit} of {}", which()));
                }
            }
        }
    }
    for (session, commit) in rows.keys().filter(|key| !wanted.contains(*key)) {
        let which = format!("{commit} in session {session}");
        verdict.find(
            Fault::Wrong,
            "attempt of a commit that was never sent",
            which,
        );
    }
}

/// Where a session starts is nobody's work, unless a push brought it: one that came later than the
/// push that opened the session.
fn is_start(session: &Session, push: &PushSent, commit: &String) -> bool {
    let starts = session.starting.as_ref() == Some(commit);
    starts && push.before.as_ref().is_none_or(|before| before == commit)
}
