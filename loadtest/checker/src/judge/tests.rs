//! A small house in which all is well, and what becomes of it.

mod faults;

use super::*;
use crate::ledger::{
    Attempt, Conflict, Dead, Delivery, Log, Push, Receipt, Request as Asked, Session, Tried,
};
use crate::sent::{Account, Expected};
use crate::verdict::Fault;

const ACCOUNT: &str = include_str!("../../tests/it/account.jsonl");

fn account() -> Account {
    Account::parse(ACCOUNT).unwrap()
}

/// What the account asks for.
fn ledger() -> Ledger {
    let text = str::to_owned;
    Ledger {
        receipts: vec![Receipt {
            delivery: text("d1"),
            source: text("github"),
            forge_delivery: text("one"),
            digest: text("aa"),
        }],
        deliveries: vec![Delivery {
            id: text("d1"),
            digest: text("aa"),
            event: "push".into(),
            entries: 1,
        }],
        conflicts: vec![Conflict {
            delivery: text("d1"),
            digest: text("bb"),
        }],
        pushes: vec![push("aa", "c1"), push("bb", "c2")],
        sessions: vec![session()],
        attempts: vec![attempt("a1", "c1"), attempt("a2", "c2")],
        requests: vec![asked("r1", "push:1", "a1"), asked("r2", "push:2", "a2")],
        tried: vec![
            tried("r1", 1, "error"),
            tried("r1", 2, "pass"),
            tried("r2", 1, "fail"),
        ],
        dead: vec![dead("poison", "no JSON")],
        log: Log {
            leaves: 3,
            last_leaf: 3,
            ..Log::default()
        },
    }
}

fn push(digest: &str, after: &str) -> Push {
    Push {
        delivery: "d1".into(),
        digest: digest.into(),
        repository: "github:o/r".into(),
        ref_name: "refs/heads/main".into(),
        before: Some("c0".into()),
        after: Some(after.into()),
    }
}

fn session() -> Session {
    Session {
        id: "s".into(),
        lab: "l".into(),
        repository: "github:o/r".into(),
        generation: 1,
        starting: Some("c0".into()),
    }
}

fn attempt(id: &str, commit: &str) -> Attempt {
    Attempt {
        id: id.into(),
        session: "s".into(),
        commit: commit.into(),
    }
}

fn asked(id: &str, cause: &str, attempt: &str) -> Asked {
    Asked {
        id: id.into(),
        cause: cause.into(),
        attempt: attempt.into(),
        lab_version: "v".into(),
    }
}

fn tried(request: &str, number: i32, result: &str) -> Tried {
    let comes_again = result == "error";
    Tried {
        request: request.into(),
        number,
        result: result.into(),
        comes_again,
    }
}

fn dead(message_id: &str, reason: &str) -> Dead {
    Dead {
        message_id: message_id.into(),
        stream: "DELIVERIES".into(),
        action: "dead-lettered".into(),
        reason: reason.into(),
    }
}

#[test]
fn a_house_in_which_all_is_well_has_no_findings_and_every_request_has_its_class() {
    let verdict = judge(&account(), &ledger(), Drained::Yes);
    assert!(verdict.is_good(), "{}", verdict.table(10));
    for (name, number) in [
        ("sent", 7),
        ("answered 2xx", 4),
        ("answered 2xx as duplicate", 1),
        ("answered 2xx, nothing to record", 1),
        ("recorded", 3),
        ("answered otherwise, not there", 1),
        ("answered otherwise, there", 1),
        ("no answer, not there", 1),
        ("conflicts", 1),
        ("results", 2),
        ("tries that ended in error", 1),
        ("poison messages", 1),
    ] {
        assert_eq!(
            verdict.number(name),
            number,
            "{name}\n{}",
            verdict.table(10)
        );
    }
}

fn silent_push(after: &str) -> crate::sent::Silent {
    let line = format!(
        r#"{{"push":{{"repository":"github:o/r","ref":"refs/heads/main","before":"c2",
        "after":"{after}","commits":["{after}"],"enrolled":true,"result":"pass"}}}}"#
    );
    serde_json::from_str(&line).unwrap()
}

/// What reconciler found, as the ledger has it.
fn find(ledger: &mut Ledger, after: &str) {
    ledger.receipts.push(Receipt {
        delivery: "d3".into(),
        source: "github".into(),
        forge_delivery: "assay-ref-found:1".into(),
        digest: "cc".into(),
    });
    ledger.deliveries.push(Delivery {
        id: "d3".into(),
        digest: "cc".into(),
        event: "assay-ref-found".into(),
        entries: 1,
    });
    let mut row = push("cc", after);
    row.delivery = "d3".into();
    ledger.pushes.push(row);
    ledger.attempts.push(attempt("a3", after));
    ledger.requests.push(asked("r3", "push:3", "a3"));
    ledger.tried.push(tried("r3", 1, "pass"));
}

#[test]
fn a_push_without_a_webhook_must_be_found_once_the_queues_have_drained_and_only_if_it_was_made() {
    let mut account = account();
    account.silent.push(silent_push("c3"));
    let verdict = judge(&account, &ledger(), Drained::Yes);
    assert_eq!(verdict.found(), [(Fault::Lost, "push without a webhook")]);
    assert!(judge(&account, &ledger(), Drained::NotYet).is_good());

    let mut found = ledger();
    find(&mut found, "c3");
    let verdict = judge(&account, &found, Drained::Yes);
    assert!(verdict.is_good(), "{}", verdict.table(10));
    assert_eq!(verdict.number("pushes found"), 1);
    found.tried.last_mut().unwrap().result = "fail".into();
    let verdict = judge(&account, &found, Drained::Yes);
    assert_eq!(verdict.found(), [(Fault::Wrong, "result")]);

    let mut stranger = ledger();
    find(&mut stranger, "c4");
    let verdict = judge(&account, &stranger, Drained::Yes);
    let nobodys = (Fault::Wrong, "push found that nobody made");
    assert!(verdict.found().contains(&nobodys), "{:?}", verdict.found());
}

#[test]
fn a_session_that_a_later_push_opened_has_the_commit_that_it_starts_at_if_another_push_brought_it()
{
    let mut ledger = ledger();
    ledger.sessions[0].starting = Some("c1".into());
    let verdict = judge(&account(), &ledger, Drained::Yes);
    // The first push lists c0 too, which is before it.
    assert_eq!(verdict.found(), [(Fault::Lost, "attempt")]);
    ledger.attempts.push(attempt("a0", "c0"));
    assert!(judge(&account(), &ledger, Drained::Yes).is_good());
    ledger.attempts.retain(|attempt| attempt.commit != "c1");
    assert!(!judge(&account(), &ledger, Drained::Yes).is_good());
}

#[test]
fn what_still_waits_is_not_lost_before_the_queues_have_drained() {
    let mut ledger = ledger();
    ledger.tried.clear();
    ledger.log.pending = 2;
    let verdict = judge(&account(), &ledger, Drained::NotYet);
    assert!(verdict.is_good(), "{}", verdict.table(10));
}

#[test]
fn a_body_that_became_a_dead_letter_is_accounted_for() {
    let mut ledger = ledger();
    ledger.conflicts.clear();
    ledger.pushes.pop();
    ledger.attempts.pop();
    ledger.requests.pop();
    ledger.tried.pop();
    ledger.dead.push(dead("d1:bb", "it kills its handler"));
    let verdict = judge(&account(), &ledger, Drained::Yes);
    assert!(verdict.is_good(), "{}", verdict.table(10));
    assert_eq!(verdict.number("dead-lettered"), 1);
}

#[test]
fn where_every_commit_is_verified_each_has_one_request_for_each_push_of_it_and_the_same_result() {
    let text = r#"{"kind":"sent","request":1,"source":"github","forge_delivery":"one","event":"push","body_sha256":"aa","pushes":[{"repository":"github:o/r","ref":"refs/heads/main","before":"c0","after":"c2","commits":["c1","c2"],"every_commit":true,"result":"unchecked"}]}
{"kind":"answered","request":1,"status":202,"delivery":"d1"}
"#;
    let mut ledger = Ledger {
        conflicts: vec![],
        pushes: vec![push("aa", "c2")],
        requests: vec![asked("r1", "push:1", "a1"), asked("r2", "push:1", "a2")],
        tried: vec![tried("r1", 1, "unchecked"), tried("r2", 1, "unchecked")],
        dead: vec![],
        ..ledger()
    };
    let found = |text: &str, ledger: &Ledger| {
        judge(&Account::parse(text).unwrap(), ledger, Drained::Yes).found()
    };
    assert_eq!(found(text, &ledger), []);
    // The head alone: then the other's request is one too many.
    let head = text.replace(",\"every_commit\":true", "");
    let doubled = (Fault::Doubled, "request for a head, without a push");
    assert_eq!(found(&head, &ledger), [doubled]);
    ledger.tried[0].result = "pass".into();
    assert_eq!(found(text, &ledger), [(Fault::Wrong, "result")]);
    ledger.requests.remove(0);
    ledger.tried.remove(0);
    let lost = (Fault::Lost, "verification request of a head");
    assert_eq!(found(text, &ledger), [lost]);
}
