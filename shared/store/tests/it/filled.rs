//! Owns a ledger with a row in every table, each as its service would write it, and what the
//! audit entries would say of them.

use contract::audit::CoveredRow;
use contract::digest::Digest;
use contract::ids::{CommandId, DeliveryId};
use contract::time::{self, Timestamp};
use serde_json::{Value, json};
use servers::postgres::OWNER;
use store::attempt::AttemptRow;
use store::attempt_snapshot::AttemptSnapshotRow;
use store::command::CommandRow;
use store::dead_letter::{self, DeadLetterRow};
use store::delivery::{ConflictRow, DeliveryRow, ReceiptRow};
use store::error::StoreError;
use store::json::CanonicalJson;
use store::lab::LabRow;
use store::lab_session::SessionRow;
use store::lab_version::LabVersionRow;
use store::listing::{ListingDueRow, ListingPartRow};
use store::pool::Connection;
use store::principal::PrincipalRow;
use store::push::PushRow;
use store::reconciliation::{GapRow, ReconciliationRow};
use store::restore::{RestoreRow, RestoreStepRow};
use store::row::LedgerRow;
use store::snapshot::SnapshotRow;
use store::work_remade::RemadeRow;
use testkit::house::House;
use uuid::Uuid;

/// Texts that a careless way into a database and back would change.
pub(crate) const ODD_TEXT: &str = "ü ∑ 🎉 \\ \" ' \t\n {,} NULL";

/// A filled ledger, and the rows that were written into it.
pub(crate) struct Filled {
    pub(crate) covered: Vec<CoveredRow>,
}

impl Filled {
    pub(crate) async fn fill(house: &House) -> Self {
        let store = house.store(OWNER, 1);
        let conn = &mut store.connection().await.unwrap();
        let mut covered = Vec::new();
        fill(conn, &mut covered).await.unwrap();
        // Tables whose rows no other row covers.
        house
            .sql(
                "INSERT INTO log_epoch (epoch, origin, reason, recorded_at) \
                     VALUES (1, 'log', 'begun', now()); \
                 INSERT INTO audit_entry VALUES (gen_random_uuid(), 'a', '{}', 'd', NULL, now()); \
                 INSERT INTO ledger_pending SELECT id, NULL FROM audit_entry; \
                 INSERT INTO ledger_leaf SELECT 0, id, sha256(''), now() FROM audit_entry; \
                 INSERT INTO log_checkpoint VALUES ('log', 1, sha256(''), 'note', now()); \
                 INSERT INTO lane_message VALUES (gen_random_uuid(), 1, 'taken', now()); \
                 INSERT INTO log_head VALUES (true, 'log', 1, sha256(''), '', now());",
            )
            .await;
        Self { covered }
    }
}

/// Inserts a row and notes what an audit entry would say of it.
macro_rules! put {
    ($conn:ident, $covered:ident, $row:ident { $($fields:tt)* }) => {{
        let row = $row { $($fields)* };
        let new = $row::insert($conn, std::slice::from_ref(&row)).await?;
        assert_eq!(new.len(), 1, "{row:?}");
        $covered.push(row.covered());
        row
    }};
}

mod judged;
mod lanes;
mod privacy;
mod restored;

/// A JSON that a careless way into a database and back would change.
fn odd_json() -> Value {
    json!({
        "z": 1, "a": [0.1, 1.0, -0.5, 1e21, u64::MAX, i64::MIN], "text": ODD_TEXT,
        "nested": { "b": null, "a": { "": [] } },
    })
}

async fn fill(conn: &mut Connection, covered: &mut Vec<CoveredRow>) -> Result<(), StoreError> {
    // A time with every digit that the ledger keeps.
    let now: Timestamp = time::now();
    let version = fill_lab(conn, covered, now).await?;
    let session = put!(
        conn,
        covered,
        SessionRow {
            id: Uuid::now_v7(),
            lab_id: version.lab_id,
            lab_version_id: version.id,
            repository: "github:course-1/intro-1".to_owned(),
            generation: 1,
            starting_commit: None,
            closes_at: Some(now),
            opened_by: format!("command:{}", version.command_id),
            recorded_at: now,
        }
    );
    let (attempt, person) = fill_push(conn, covered, &session, now).await?;
    privacy::fill(conn, covered, &attempt, person, now).await?;
    let snapshot = put!(
        conn,
        covered,
        SnapshotRow {
            id: Uuid::now_v7(),
            lab_session_id: session.id,
            digest: Digest::of(b"tree").to_string(),
            files: 3,
            bytes: 4,
            builder: "snapshot-builder/1".to_owned(),
            recorded_at: now,
            again: Some(1),
        }
    );
    put!(
        conn,
        covered,
        AttemptSnapshotRow {
            lab_attempt_id: attempt.id,
            snapshot_id: snapshot.id,
            differs: Some(odd_json()),
            recorded_at: now,
        }
    );
    fill_listing(conn, covered, &attempt, now).await?;
    fill_reconciliation(conn, covered, now).await?;
    fill_dead(conn, covered, now).await?;
    restored::fill(conn, covered, now).await?;
    lanes::fill(conn, covered, version.command_id, now).await?;
    judged::fill(conn, covered, &attempt, &version, now).await
}

/// A push that git lists, and work that was lost on the way.
async fn fill_listing(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    attempt: &AttemptRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    put!(
        conn,
        covered,
        ListingDueRow {
            id: Uuid::now_v7(),
            push_id: attempt.push_id,
            lab_session_id: attempt.lab_session_id,
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        ListingPartRow {
            push_id: attempt.push_id,
            lab_session_id: attempt.lab_session_id,
            parts: 2,
            part: 1,
            commits: 0,
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        RemadeRow {
            id: Uuid::now_v7(),
            lab_attempt_id: attempt.id,
            request_id: None,
            try_number: 1,
            number: 1,
            recorded_at: now,
        }
    );
    Ok(())
}

/// A message that died.
async fn fill_dead(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = Uuid::now_v7();
    put!(
        conn,
        covered,
        DeadLetterRow {
            id,
            message_id: "m".to_owned(),
            stream: "DELIVERIES".to_owned(),
            consumer: "attempt-writer".to_owned(),
            subject: "assay.delivery.github".to_owned(),
            action: dead_letter::DEAD_LETTERED.to_owned(),
            actor: "attempt-writer".to_owned(),
            reason: ODD_TEXT.to_owned(),
            recorded_at: now,
            letter_id: id,
            delivery_id: Some(Uuid::now_v7()),
            dead_sequence: Some(1),
            deliveries: Some(21),
            renewals: Some(0),
            last_failure: Some(ODD_TEXT.to_owned()),
            first_stored_at: Some(now),
            died_at: Some(now),
            command_id: None,
        }
    );
    Ok(())
}

/// A comparison with a forge that found something.
async fn fill_reconciliation(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let run = put!(
        conn,
        covered,
        ReconciliationRow {
            id: Uuid::now_v7(),
            source: "github".to_owned(),
            cause: "schedule".to_owned(),
            repository: None,
            since_at: now,
            began_at: now,
            hooks: 1,
            deliveries: 2,
            repositories: 3,
            refs: 4,
            delivery_gaps: 5,
            ref_gaps: 6,
            deliveries_complete: true,
            oldest_gap_at: Some(now),
            outcome: "incomplete".to_owned(),
            reason: Some(ODD_TEXT.to_owned()),
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        GapRow {
            id: Uuid::now_v7(),
            reconciliation_id: run.id,
            source: run.source,
            kind: "delivery-failed".to_owned(),
            subject: "72d3162e".to_owned(),
            repository: None,
            ref_name: None,
            before_sha: None,
            after_sha: None,
            event: Some("push".to_owned()),
            first_attempt_at: Some(now),
            last_status: Some(503),
            action: "redelivery".to_owned(),
            recorded_at: now,
        }
    );
    Ok(())
}

/// A lab's version, and the command that published it.
async fn fill_lab(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    now: Timestamp,
) -> Result<LabVersionRow, StoreError> {
    let command = put!(
        conn,
        covered,
        CommandRow {
            id: CommandId::new().as_uuid(),
            kind: "lab-publish".to_owned(),
            actor: "operator".to_owned(),
            body: odd_json(),
            outcome: "accepted".to_owned(),
            reason: None,
            result: Some(odd_json()),
            recorded_at: now,
        }
    );
    let lab = put!(
        conn,
        covered,
        LabRow {
            id: Uuid::now_v7(),
            slug: "calculator".to_owned(),
            recorded_at: now,
        }
    );
    Ok(put!(
        conn,
        covered,
        LabVersionRow {
            id: Uuid::now_v7(),
            lab_id: lab.id,
            number: 1,
            digest: Digest::of(b"lab").to_string(),
            title: ODD_TEXT.to_owned(),
            spec: odd_json(),
            commit_sha: "a".repeat(40),
            location: "https://forge.example/lab.git".to_owned(),
            files: 3,
            bytes: i64::MAX,
            command_id: command.id,
            recorded_at: now,
        }
    ))
}

/// A delivery with all that its push brings to a session.
async fn fill_push(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    session: &SessionRow,
    now: Timestamp,
) -> Result<(AttemptRow, Uuid), StoreError> {
    let receipt = fill_delivery(conn, covered, now).await?;
    let principal = fill_person(conn, covered, now).await?;
    let push = put!(
        conn,
        covered,
        PushRow {
            id: Uuid::now_v7(),
            delivery_id: receipt.delivery_id,
            body_digest: receipt.body_digest,
            repository: session.repository.clone(),
            ref_name: format!("refs/heads/{ODD_TEXT}"),
            kind: "branch".to_owned(),
            before_sha: None,
            after_sha: Some("b".repeat(40)),
            forced: true,
            commits_listed: 2_048,
            pusher_id: Some(principal.id),
            received_at: now,
            recorded_at: now,
        }
    );
    let attempt = put!(
        conn,
        covered,
        AttemptRow {
            id: Uuid::now_v7(),
            lab_session_id: session.id,
            push_id: push.id,
            delivery_id: receipt.delivery_id,
            commit_sha: "b".repeat(40),
            branch: ODD_TEXT.to_owned(),
            author_id: None,
            changed_files: Some(CanonicalJson::of(&odd_json())),
            // Before 1970, and without a fraction.
            committed_at: Some(Timestamp::from_timestamp(-1, 0).unwrap()),
            received_at: now,
            listed: "payload".to_owned(),
            trace_id: DeliveryId::from_uuid(receipt.delivery_id)
                .trace_id()
                .to_string(),
            recorded_at: now,
        }
    );
    Ok((attempt, principal.id))
}

/// A delivery, and a contradiction of it.
async fn fill_delivery(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    now: Timestamp,
) -> Result<ReceiptRow, StoreError> {
    let delivery = DeliveryId::compute("github", "72d3162e");
    let body_digest = Digest::of(b"body").to_string();
    let receipt = put!(
        conn,
        covered,
        ReceiptRow {
            delivery_id: delivery.as_uuid(),
            source: "github".to_owned(),
            forge_delivery: "72d3162e".to_owned(),
            body_digest: body_digest.clone(),
            lane_id: Uuid::now_v7(),
            lane_number: 1,
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        DeliveryRow {
            id: receipt.delivery_id,
            source: "github".to_owned(),
            event: "push".to_owned(),
            body_digest: body_digest.clone(),
            body_bytes: 4,
            key: "main".to_owned(),
            trace_id: delivery.trace_id().to_string(),
            lane_id: receipt.lane_id,
            lane_number: 1,
            received_at: now,
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        ConflictRow {
            id: Uuid::now_v7(),
            delivery_id: receipt.delivery_id,
            body_digest: Digest::of(b"other").to_string(),
            first_body_digest: body_digest.clone(),
            received_at: now,
            recorded_at: now,
        }
    );
    Ok(receipt)
}

/// A person, and who that is.
async fn fill_person(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    now: Timestamp,
) -> Result<PrincipalRow, StoreError> {
    let principal = put!(
        conn,
        covered,
        PrincipalRow {
            id: Uuid::now_v7(),
            provider: "github".to_owned(),
            account: "keyed hash".to_owned(),
            recorded_at: now,
        }
    );
    Ok(principal)
}
