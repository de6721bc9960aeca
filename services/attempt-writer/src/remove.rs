//! Owns removing: what is to go is appended to the ledger first, and then it goes. Erasure and
//! retention remove by this alone. Must never touch what no row of `removal` tells of.

use std::collections::BTreeSet;

use contract::ids::{DeliveryId, SessionId};
use contract::time::{Timestamp, now};
use objects::store::{Objects, ObjectsError};
use serde_json::{Map, json};
use store::audit_entry;
use store::delivery_body::{self, BodyName};
use store::error::StoreError;
use store::pool::Store;
use store::removal::{self, Due, RAW_BODY, RemovalRow, Rules};
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use store::work_sweep;
use thiserror::Error;
use uuid::Uuid;

use crate::audit;
use crate::sweep::sweep;

/// Rows of one audit entry: an entry stays far below what a bundle of the log takes.
const ROWS_PER_ENTRY_MAX: usize = 100;
/// Removals that are read at one time.
const PAGE_MAX: i64 = 1_000;

/// Why something was not removed.
#[derive(Debug, Error)]
pub enum RemoveError {
    /// The ledger stands in the way.
    #[error("write down what is removed")]
    Ledger(#[from] StoreError),
    /// The objects stand in the way.
    #[error("remove objects")]
    Objects(#[from] ObjectsError),
}

/// Why things are removed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    /// The command, or the run of retention.
    pub(crate) id: Uuid,
    /// [`removal::ERASURE`] or [`removal::RETENTION`].
    pub(crate) word: &'static str,
}

/// What asks for logs and snapshots to go, and how many of them at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asking {
    /// Whoever was erased.
    Erased(i64),
    /// The rules, at a moment.
    Ruled(Rules, Timestamp, i64),
}

impl Asking {
    async fn find(self, conn: &mut LedgerConnection) -> Result<Vec<Due>, StoreError> {
        match self {
            Self::Erased(limit) => removal::of_erased(conn, limit).await,
            Self::Ruled(rules, at, limit) => removal::due(conn, rules, at, limit).await,
        }
    }
}

/// What is to go. It is asked for again when nobody can record anything of the sessions any more, so
/// that a tree which somebody has used in between stays.
pub(crate) async fn going(
    conn: &mut LedgerConnection,
    asking: Asking,
) -> Result<Vec<Due>, StoreError> {
    let found = asking.find(conn).await?;
    if found.is_empty() {
        return Ok(found);
    }
    let sessions: Vec<Uuid> = found.iter().map(|due| due.lab_session_id).collect();
    work_sweep::want(conn, &sessions).await?;
    let mut due = asking.find(conn).await?;
    due.retain(|due| sessions.contains(&due.lab_session_id));
    Ok(due)
}

/// Says for the record what goes, and takes the rows of bodies out; objects go after the commit.
pub(crate) async fn append(
    conn: &mut LedgerConnection,
    cause: Cause,
    bodies: &[BodyName],
    due: &[Due],
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = |kind: &str, subject_id, digest: &str, session| RemovalRow {
        id: Uuid::now_v7(),
        cause_id: cause.id,
        cause: cause.word.to_owned(),
        kind: kind.to_owned(),
        subject_id,
        digest: digest.to_owned(),
        lab_session_id: session,
        recorded_at: now,
    };
    let bodies_going = bodies.iter();
    let bodies_going =
        bodies_going.map(|body| row(RAW_BODY, body.delivery_id, &body.body_digest, None));
    let due = due.iter();
    let due = due.map(|due| {
        row(
            &due.kind,
            due.subject_id,
            &due.digest,
            Some(due.lab_session_id),
        )
    });
    let mut rows: Vec<RemovalRow> = bodies_going.chain(due).collect();
    let new = RemovalRow::insert(conn, &rows).await?;
    rows.retain(|row| new.contains(&row.id));
    let entries: Vec<_> = rows
        .chunks(ROWS_PER_ENTRY_MAX)
        .map(|rows| {
            let mut fields = Map::new();
            fields.insert("assay.removal.cause".into(), json!(cause.word));
            fields.insert("assay.removal.cause_id".into(), json!(cause.id));
            fields.insert("assay.removal.count".into(), json!(rows.len()));
            let covered = rows.iter().map(LedgerRow::covered).collect();
            let subject = rows[0].id.to_string();
            audit::of_rows("data-removed", &subject, None, fields, covered, now)
        })
        .collect();
    audit_entry::append(conn, &entries).await?;
    delivery_body::remove(conn, bodies).await
}

/// Removes the objects that a cause's rows tell of. It may run again, and finds less to do.
pub(crate) async fn carry_out(
    store: &Store,
    objects: &Objects,
    cause: Uuid,
) -> Result<(), RemoveError> {
    let mut beyond = Uuid::nil();
    let mut sessions = BTreeSet::new();
    // Ends: each page begins beyond the one before it.
    loop {
        let rows = {
            let mut conn = store.connection().await?;
            removal::of_cause(&mut conn, cause, beyond, PAGE_MAX).await?
        };
        let Some(last) = rows.last() else { break };
        beyond = last.id;
        for row in &rows {
            sessions.extend(row.lab_session_id);
            if let (RAW_BODY, Ok(digest)) = (row.kind.as_str(), row.digest.parse()) {
                let delivery = DeliveryId::from_uuid(row.subject_id);
                objects.remove_sealed_body(delivery, digest).await?;
                objects.remove_delivery_body(digest).await?;
            }
        }
    }
    for session in sessions {
        // What is not swept now is still wanted, and the keeper comes to it.
        sweep(store, objects, SessionId::from_uuid(session)).await?;
    }
    Ok(())
}

/// Removes what came after its person was erased: a job that was under way does not know. Says how
/// much.
pub(crate) async fn leftovers(store: &Store, objects: &Objects) -> Result<usize, RemoveError> {
    let mut removed = 0;
    // Ends: what a row tells of is not found again.
    loop {
        let cause = Cause {
            id: Uuid::now_v7(),
            word: removal::ERASURE,
        };
        let mut conn = store.connection().await?;
        let work = async |conn: &mut _| {
            let due = going(conn, Asking::Erased(PAGE_MAX)).await?;
            append(conn, cause, &[], &due, now()).await?;
            Ok::<_, StoreError>(due.len())
        };
        let written = store::transaction::by_keys(&mut conn, work).await?;
        drop(conn);
        if written == 0 {
            return Ok(removed);
        }
        carry_out(store, objects, cause.id).await?;
        removed += written;
    }
}
