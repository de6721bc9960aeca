//! Holds each message kind against its golden file: if the wire changes, the diff shows it.
//! `ASSAY_WRITE_GOLDEN=1` writes the files anew.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where and why"
)]

use std::fmt::Debug;
use std::path::PathBuf;

use contract::command::completeness::HoleAcceptRequested;
use contract::command::dead_letter::{DeadDiscardRequested, DeadSendBackRequested};
use contract::command::privacy::{
    PrivacyOrder, PrivacyOrdered, RetentionRequested, RewrapRequested,
};
use contract::command::replay::ReplayRequested;
use contract::command::{LabPublishRequested, ReconcileRequested, SessionOpenRequested};
use contract::delivery::{BodyPlace, DELIVERY_RECEIVED, DeliveryReceived, REF_FOUND, RefFound};
use contract::digest::Digest;
use contract::fact::Fact;
use contract::ids::{
    AttemptId, AuditEntryId, CommandId, DeadLetterId, DeliveryId, LabVersionId, LaneId, PushId,
    RequestId, SessionId, VerificationId,
};
use contract::job::{
    AttemptToPreserve, CommitsFound, FoundCommit, Handed, PreservedTree, PushOfSession,
    SnapshotRequested, VerificationRequested,
};
use contract::lane::{LaneManifest, Numbers};
use contract::message::{Lane, Message};
use contract::notice::{
    BrokerChanged, HooksRefused, SecretsChanged, SpoolChange, SpoolChanged, TopologyApplied,
};
use contract::reprocess::{
    Looked, ReprocessDue, ReprocessRequested, ReprocessStopRequested, Selection, VersionChoice,
};
use contract::result::{ErrorCause, NewestResult};
use contract::time::Timestamp;
use contract::unchecked::UncheckedRequested;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

fn uuid(last: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + last)
}

fn at() -> Timestamp {
    "2026-11-21T08:00:00.000001Z".parse().unwrap()
}

fn push() -> PushOfSession {
    PushOfSession {
        delivery: DeliveryId::compute("github", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        push: PushId::from_uuid(uuid(1)),
        session: SessionId::from_uuid(uuid(2)),
        lab_version: LabVersionId::from_uuid(uuid(3)),
        repository: "github:octo-org/hello".parse().unwrap(),
        branch: "main".into(),
        before: None,
        after: "a".repeat(40).parse().unwrap(),
        starting: Some("b".repeat(40).parse().unwrap()),
        received_at: at(),
    }
}

/// Compares a message with its file, both ways.
fn holds<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T, wire: Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.json"));
    let mut text = serde_json::to_string_pretty(&wire).unwrap();
    text.push('\n');
    if std::env::var_os("ASSAY_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name} has no golden file: {error}"));
    assert_eq!(text, golden, "{name}: the wire has changed");
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let read: T = serde_json::from_value(golden["body"].clone()).unwrap();
    assert_eq!(&read, value, "{name}: what was written is not what is read");
}

fn message<M: Message + PartialEq + Debug>(name: &str, message: &M) {
    let wire = json!({
        "kind": M::KIND,
        "subject": message.subject(),
        "id": message.message_id(),
        "body": message,
    });
    holds(name, message, wire);
}

#[test]
fn a_delivery_is_on_the_wire_as_its_golden_file_says() {
    let received = DeliveryReceived {
        delivery: push().delivery,
        source: "github".parse().unwrap(),
        forge_delivery: "72d3162e-cc78-11e3-81ab-4c9367dc0958".into(),
        event: "push".into(),
        body_digest: Digest::of(b"{}"),
        body_bytes: 2,
        body: BodyPlace::Inline,
        headers: [("x-github-event".to_owned(), "push".to_owned())].into(),
        key: "first".into(),
        received_at: at(),
        lane: LaneId::from_uuid(uuid(4)),
        number: 7,
    };
    let wire = json!({
        "kind": DELIVERY_RECEIVED,
        "subject": received.subject(),
        "id": received.message_id(),
        "body": received,
    });
    holds("delivery-received", &received, wire);
}

#[test]
fn a_ref_that_was_found_is_on_the_wire_as_its_golden_file_says() {
    let found = RefFound {
        repository: "github:octo-org/hello".parse().unwrap(),
        ref_name: "refs/heads/main".into(),
        before: Some("b".repeat(40).parse().unwrap()),
        after: Some("a".repeat(40).parse().unwrap()),
        since: Some(PushId::from_uuid(uuid(1))),
    };
    let wire = json!({ "event": REF_FOUND, "id": found.forge_delivery(), "body": found });
    holds("ref-found", &found, wire);
}

#[test]
fn each_job_is_on_the_wire_as_its_golden_file_says() {
    let attempts = vec![AttemptToPreserve {
        attempt: AttemptId::from_uuid(uuid(5)),
        commit: "a".repeat(40).parse().unwrap(),
        request: Some(RequestId::from_uuid(uuid(6))),
    }];
    message(
        "snapshot-requested",
        &SnapshotRequested {
            push: push(),
            attempts,
            part: 0,
            lists: true,
            try_number: 1,
            not_before: None,
            lane: Lane::Live,
        },
    );
    let verification = |tree, try_number, not_before, lane| VerificationRequested {
        push: push(),
        request: RequestId::from_uuid(uuid(6)),
        attempt: AttemptId::from_uuid(uuid(5)),
        commit: "a".repeat(40).parse().unwrap(),
        tree,
        try_number,
        not_before,
        lane,
        handed: Handed::default(),
    };
    let kept = PreservedTree::Kept {
        digest: Digest::of(b""),
    };
    message(
        "verification-requested",
        &verification(kept.clone(), 1, None, Lane::Live),
    );
    let handed = Handed {
        round: 2,
        avoid: Some("verifier-1".into()),
    };
    let called = VerificationRequested {
        handed,
        ..verification(kept.clone(), 1, None, Lane::Live)
    };
    message("verification-requested-called", &called);
    let missing = PreservedTree::Missing {
        cause: ErrorCause::SourceUnavailable,
        detail: "the forge has no such commit".into(),
    };
    message(
        "verification-requested-missing",
        &verification(missing, 2, Some(at()), Lane::Bulk),
    );
    message(
        "verification-requested-unneeded",
        &verification(PreservedTree::Unneeded, 1, None, Lane::Live),
    );
}

#[test]
fn what_nothing_is_run_for_is_on_the_wire_as_its_golden_file_says() {
    let unchecked = UncheckedRequested {
        delivery: push().delivery,
        push: push().push,
        session: push().session,
        requests: [5, 6].map(|last| RequestId::from_uuid(uuid(last))).to_vec(),
        try_number: 1,
    };
    message("unchecked-requested", &unchecked);
}

#[test]
fn commits_that_were_found_are_on_the_wire_as_their_golden_file_says() {
    let found = FoundCommit {
        commit: "c".repeat(40).parse().unwrap(),
        author_email: "learner@example.org".into(),
        committed_at: Some(at()),
    };
    let found = CommitsFound {
        push: push(),
        commits: vec![found],
        part: 0,
        parts: 1,
        left_out: 3,
        lane: Lane::Live,
    };
    message("commits-found", &found);
}

#[test]
fn each_command_is_on_the_wire_as_its_golden_file_says() {
    let command = CommandId::from_uuid(uuid(8));
    message(
        "lab-publish-requested",
        &LabPublishRequested {
            command,
            actor: "operator".parse().unwrap(),
            location: "https://forge.example/course/lab.git".into(),
            reference: Some("main".into()),
        },
    );
    message(
        "session-open-requested",
        &SessionOpenRequested {
            command,
            actor: "operator".parse().unwrap(),
            lab: "calculator".parse().unwrap(),
            repository: "github:octo-org/hello".parse().unwrap(),
            starting: None,
        },
    );
    message(
        "reconcile-requested",
        &ReconcileRequested {
            command,
            actor: "operator".parse().unwrap(),
            source: "github".parse().unwrap(),
            repository: Some("github:octo-org/hello".parse().unwrap()),
            since: Some(at()),
            reason: "the queue was full last night".into(),
            plan: false,
        },
    );
}

#[test]
fn each_order_to_verify_again_is_on_the_wire_as_its_golden_file_says() {
    let (command, actor) = (CommandId::from_uuid(uuid(8)), "operator".parse().unwrap());
    let selection = Selection {
        result: Some(NewestResult::Error),
        cause: Some(ErrorCause::SourceUnavailable),
        lab: Some("calculator".parse().unwrap()),
        session: Some(SessionId::from_uuid(uuid(2))),
        repository: Some("github:octo-org/hello".parse().unwrap()),
        since: Some(at()),
        until: None,
        delivery: None,
    };
    message(
        "reprocess-requested",
        &ReprocessRequested {
            command,
            actor,
            selection,
            lab_version: VersionChoice::Newest,
            reason: "the forge was away".into(),
            rate_per_second: Some(50),
            limit: None,
        },
    );
    message(
        "reprocess-stop-requested",
        &ReprocessStopRequested {
            command: CommandId::from_uuid(uuid(9)),
            actor: "operator".parse().unwrap(),
            stops: command,
            reason: "too early".into(),
        },
    );
    let after = Looked {
        received_at: at(),
        attempt: AttemptId::from_uuid(uuid(5)),
    };
    message(
        "reprocess-due",
        &ReprocessDue {
            command,
            after: Some(after),
            selected: 500,
            not_before: Some(at()),
        },
    );
}

#[test]
fn an_order_to_run_again_is_on_the_wire_as_its_golden_file_says() {
    message(
        "replay-requested",
        &ReplayRequested {
            command: CommandId::from_uuid(uuid(8)),
            actor: "operator".parse().unwrap(),
            verification: VerificationId::from_uuid(uuid(7)),
        },
    );
}

#[test]
fn each_command_about_dead_letters_is_on_the_wire_as_its_golden_file_says() {
    let command = CommandId::from_uuid(uuid(8));
    let letters = vec![DeadLetterId::compute("dead:DELIVERIES:attempt-writer:1:id")];
    let actor: contract::name::Actor = "operator".parse().unwrap();
    message(
        "dead-send-back-requested",
        &DeadSendBackRequested {
            command,
            actor: actor.clone(),
            letters: letters.clone(),
            reason: "the parser is mended".into(),
        },
    );
    message(
        "dead-discard-requested",
        &DeadDiscardRequested {
            command,
            actor,
            letters,
            reason: "a test of ours".into(),
        },
    );
}

#[test]
fn a_fact_is_on_the_wire_as_its_golden_file_says() {
    let fact = Fact {
        epoch: 1,
        leaf: 7,
        entry: AuditEntryId::compute("delivery-recorded", "d1"),
        action: "delivery-recorded".into(),
        text: r#"{"event.action":"delivery-recorded"}"#.into(),
        leaf_hash: Digest::of(b"leaf"),
    };
    message("fact", &fact);
}

#[test]
fn a_lanes_manifest_is_on_the_wire_as_its_golden_file_says() {
    let manifest = LaneManifest {
        lane: LaneId::from_uuid(uuid(4)),
        from: 3,
        through: 7,
        given: 9,
        void: vec![Numbers { first: 5, last: 6 }],
        spooled: vec![Numbers { first: 7, last: 7 }],
        deliveries: vec![push().delivery, push().delivery],
        sources: vec!["github".parse().unwrap()],
        sequences: Some(Numbers {
            first: 20,
            last: 21,
        }),
        spool_records: 1,
        closing: true,
        at: at(),
    };
    message("lane-manifest", &manifest);
}

#[test]
fn each_notice_is_on_the_wire_as_its_golden_file_says() {
    let lane = LaneId::from_uuid(uuid(4));
    message(
        "hooks-refused",
        &HooksRefused {
            lane,
            source: Some("github".parse().unwrap()),
            since: at(),
            at: at(),
            counts: [("unsigned".to_owned(), 3)].into(),
        },
    );
    message(
        "spool-changed",
        &SpoolChanged {
            lane,
            change: SpoolChange::Opened,
            records: 1,
            bytes: 700,
            at: at(),
        },
    );
    message(
        "secrets-changed",
        &SecretsChanged {
            lane,
            source: "github".parse().unwrap(),
            appeared: vec!["second".into()],
            gone: vec!["first".into()],
            replaced: vec!["third".into()],
            at: at(),
        },
    );
    message(
        "topology-applied",
        &TopologyApplied {
            actor: "operator".parse().unwrap(),
            reason: "an upgrade".into(),
            changes: vec!["the stream AUDIT was made".into()],
            at: at(),
        },
    );
    message(
        "broker-changed",
        &BrokerChanged {
            advisory: "ZUUDDaBgnNnlUnA9PX0eDu".into(),
            call: "STREAM.DELETE".into(),
            stream: "DELIVERIES".into(),
            consumer: None,
            user: Some("assay".into()),
            client: Some("NATS CLI".into()),
            refused: false,
            at: at(),
        },
    );
}

#[test]
fn orders_about_people_are_on_the_wire_as_their_golden_files_say() {
    let command = CommandId::from_uuid(uuid(9));
    let actor: contract::name::Actor = "operator".parse().unwrap();
    message(
        "privacy-ordered",
        &PrivacyOrdered {
            command,
            actor: actor.clone(),
            order: PrivacyOrder::Erase,
            people: vec![contract::ids::PrincipalId::compute(
                "github",
                "a keyed hash",
            )],
            reason: "asked for in writing".into(),
            plan: false,
        },
    );
    message(
        "retention-requested",
        &RetentionRequested {
            command,
            actor: actor.clone(),
            reason: "the rules of retention".into(),
            plan: true,
        },
    );
    message(
        "rewrap-requested",
        &RewrapRequested {
            command,
            actor: actor.clone(),
            reason: "the old key is retired".into(),
        },
    );
    message(
        "hole-accept-requested",
        &HoleAcceptRequested {
            command,
            actor,
            id: command.as_uuid(),
            number: Some(7),
            reason: "the forge has forgotten it".into(),
        },
    );
}
