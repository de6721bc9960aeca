//! Owns removing: what is to go is appended to the ledger first, and then it goes. Erasure and
//! retention remove by this alone. Must never touch what no row of `removal` tells of.

use std::collections::{BTreeSet, HashSet};

use contract::digest::Digest;
use contract::ids::{DeliveryId, SessionId};
use contract::time::{Timestamp, now};
use objects::manifest::{MANIFEST_BYTES_MAX, Manifest};
use objects::owner::Owner;
use objects::store::{Objects, ObjectsError};
use serde_json::{Map, json};
use store::audit_entry;
use store::delivery_body::{self, BodyName};
use store::error::StoreError;
use store::pool::Store;
use store::removal::{self, Due, LOG, RAW_BODY, RemovalRow, SNAPSHOT};
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use thiserror::Error;
use uuid::Uuid;

use crate::audit;

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
        sweep(store, objects, SessionId::from_uuid(session)).await?;
    }
    Ok(())
}

/// Removes of a session's objects what was removed and what nothing else of it needs.
pub(crate) async fn sweep(
    store: &Store,
    objects: &Objects,
    session: SessionId,
) -> Result<(), RemoveError> {
    let holdings = {
        let mut conn = store.connection().await?;
        removal::holdings(&mut conn, session.as_uuid()).await?
    };
    let owner = Owner::Session(session);
    if holdings.iter().all(|holding| holding.removed) {
        // Whatever was left by the way goes too.
        objects.remove_all(owner).await?;
        return Ok(());
    }
    let (mut going, mut staying) = (HashSet::new(), HashSet::new());
    let mut names = Vec::new();
    for holding in &holdings {
        let Ok(digest) = holding.digest.parse::<Digest>() else {
            continue;
        };
        let set = if holding.removed {
            &mut going
        } else {
            &mut staying
        };
        if holding.kind == SNAPSHOT {
            set.extend(blobs(objects, owner, digest).await?);
        }
        if !holding.removed {
            staying.insert(digest);
        } else if [SNAPSHOT, LOG].contains(&holding.kind.as_str()) {
            names.push(digest);
        }
    }
    // A manifest goes after what it names: else a crash would leave that without a name.
    let named = going.into_iter().chain(names);
    for digest in named.filter(|digest| !staying.contains(digest)) {
        objects.remove(owner, digest).await?;
    }
    Ok(())
}

/// The blobs that a snapshot names; none where its manifest is gone or does not read.
async fn blobs(
    objects: &Objects,
    owner: Owner,
    manifest: Digest,
) -> Result<Vec<Digest>, ObjectsError> {
    let bytes = match objects.get(owner, manifest, MANIFEST_BYTES_MAX).await {
        Ok(bytes) => bytes,
        Err(error) if error.is_transient() => return Err(error),
        Err(_) => return Ok(Vec::new()),
    };
    let Ok(manifest) = Manifest::parse(&bytes) else {
        return Ok(Vec::new());
    };
    Ok(manifest.blobs().map(|(_, blob)| blob.digest).collect())
}

/// Removes what came after its person was erased: a job that was under way does not know. Says how
/// much.
pub(crate) async fn leftovers(store: &Store, objects: &Objects) -> Result<usize, RemoveError> {
    let mut removed = 0;
    // Ends: what a row tells of is not found again.
    loop {
        let due = {
            let mut conn = store.connection().await?;
            removal::of_erased(&mut conn, PAGE_MAX).await?
        };
        if due.is_empty() {
            return Ok(removed);
        }
        let cause = Cause {
            id: Uuid::now_v7(),
            word: removal::ERASURE,
        };
        let mut conn = store.connection().await?;
        let work = async |conn: &mut _| append(conn, cause, &[], &due, now()).await;
        store::transaction::run(&mut conn, work).await?;
        drop(conn);
        carry_out(store, objects, cause.id).await?;
        removed += due.len();
    }
}
