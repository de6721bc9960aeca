//! A person who is held and erased, with what was sealed of it and what was removed.

use store::delivery_body::{BodyRow, NamedRow};
use store::erasure::{ErasureRow, HELD, HoldRow};
use store::person_key::PersonKeyRow;
use store::principal::PersonRow;
use store::removal::{RAW_BODY, RETENTION, RemovalRow};

use super::{AttemptRow, Connection, CoveredRow, Digest, LedgerRow, StoreError, Timestamp, Uuid};

pub(super) async fn fill(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    attempt: &AttemptRow,
    person: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    put!(
        conn,
        covered,
        PersonKeyRow {
            owner_id: person,
            master_key: "first".to_owned(),
            wrapped: (0..=255).collect(),
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        PersonRow {
            principal_id: person,
            sealed: (0..=255).rev().collect(),
            recorded_at: now,
        }
    );
    let body = put!(
        conn,
        covered,
        BodyRow {
            delivery_id: attempt.delivery_id,
            body_digest: Digest::of(b"body").to_string(),
            owner_id: person,
            sealed_body: Some((0..=255).collect()),
            sealed_headers: vec![0],
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        NamedRow {
            principal_id: person,
            delivery_id: body.delivery_id,
            body_digest: body.body_digest.clone(),
        }
    );
    remove(conn, covered, &body, now).await
}

/// The person is held, is erased all the same, and a body goes by a rule.
async fn remove(
    conn: &mut Connection,
    covered: &mut Vec<CoveredRow>,
    body: &BodyRow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let person = body.owner_id;
    put!(
        conn,
        covered,
        HoldRow {
            id: Uuid::now_v7(),
            command_id: Uuid::now_v7(),
            principal_id: person,
            action: HELD.to_owned(),
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        ErasureRow {
            id: Uuid::now_v7(),
            command_id: Uuid::now_v7(),
            principal_id: person,
            erased_at: now,
            recorded_at: now,
        }
    );
    put!(
        conn,
        covered,
        RemovalRow {
            id: Uuid::now_v7(),
            cause_id: Uuid::now_v7(),
            cause: RETENTION.to_owned(),
            kind: RAW_BODY.to_owned(),
            subject_id: body.delivery_id,
            digest: body.body_digest.clone(),
            lab_session_id: None,
            recorded_at: now,
        }
    );
    Ok(())
}
