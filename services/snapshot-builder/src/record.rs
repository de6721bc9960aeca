//! Owns the transaction that records which attempts have which trees.

use std::collections::BTreeMap;

use contract::digest::Digest;
use contract::ids::{AttemptId, SnapshotId};
use contract::job::PushOfSession;
use contract::time::Timestamp;
use objects::manifest::Manifest;
use serde_json::Value;
use store::attempt_snapshot::AttemptSnapshotRow;
use store::error::StoreError;
use store::pool::Store;
use store::row::LedgerRow;
use store::snapshot::{self, Newest, SnapshotRow};
use store::transaction::LedgerConnection;
use store::work_sweep::{self, Mark};
use uuid::Uuid;

use crate::audit;

/// An attempt's tree that was preserved.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    pub(crate) attempt: AttemptId,
    pub(crate) digest: Digest,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) differs: Option<Value>,
}

impl Built {
    pub(crate) fn new(attempt: AttemptId, manifest: &Manifest, differs: Option<Value>) -> Self {
        Self {
            attempt,
            digest: manifest.digest(),
            files: manifest.file_count(),
            bytes: manifest.total_bytes(),
            differs,
        }
    }
}

/// Whether trees were recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Recorded {
    Yes,
    /// Objects of the session were removed since they were put, and theirs may be among them.
    Swept,
}

/// Records trees with their audit entry, in one transaction, where nothing of the session was
/// removed since `mark`. What is recorded already is passed over.
pub(crate) async fn record(
    store: &Store,
    push: &PushOfSession,
    (built, mark): (&[Built], Mark),
    now: Timestamp,
) -> Result<Recorded, StoreError> {
    if built.is_empty() {
        return Ok(Recorded::Yes);
    }
    let mut conn = store.connection().await?;
    let work = async |conn: &mut _| {
        if !work_sweep::still(conn, push.session, mark).await? {
            return Ok(Recorded::Swept);
        }
        insert(conn, push, built, now).await?;
        Ok(Recorded::Yes)
    };
    store::transaction::by_keys(&mut conn, work).await
}

async fn insert(
    conn: &mut LedgerConnection,
    push: &PushOfSession,
    built: &[Built],
    now: Timestamp,
) -> Result<(), StoreError> {
    // Sorted by their keys, so that two builders cannot deadlock.
    let by_digest: BTreeMap<Digest, &Built> = built.iter().map(|b| (b.digest, b)).collect();
    let digests: Vec<Digest> = by_digest.keys().copied().collect();
    let there = snapshot::newest(conn, push.session, &digests).await?;
    let snapshots: Vec<SnapshotRow> = by_digest
        .values()
        .filter_map(|built| row(push, built, &there, now))
        .collect();
    let new_snapshots = SnapshotRow::insert(conn, &snapshots).await?;
    // Once more: another builder's may have come first.
    let kept = snapshot::newest(conn, push.session, &digests).await?;
    let ids: BTreeMap<&str, Uuid> = kept
        .iter()
        .map(|row| (row.digest.as_str(), row.id))
        .collect();

    let by_attempt: BTreeMap<AttemptId, &Built> = built.iter().map(|b| (b.attempt, b)).collect();
    let attempts: Vec<AttemptSnapshotRow> = by_attempt
        .values()
        .filter_map(|built| {
            Some(AttemptSnapshotRow {
                lab_attempt_id: built.attempt.as_uuid(),
                snapshot_id: *ids.get(built.digest.to_string().as_str())?,
                differs: built.differs.clone(),
                recorded_at: now,
            })
        })
        .collect();
    let new_attempts = AttemptSnapshotRow::insert(conn, &attempts).await?;

    let of_attempts = attempts
        .iter()
        .filter(|row| new_attempts.contains(&row.lab_attempt_id));
    let mut rows: Vec<_> = of_attempts.map(LedgerRow::covered).collect();
    let of_snapshots = snapshots
        .iter()
        .filter(|row| new_snapshots.contains(&row.id));
    rows.extend(of_snapshots.map(LedgerRow::covered));
    let Some(first) = rows.first().map(|row| row.key.clone()) else {
        return Ok(());
    };
    let entry = audit::of_snapshots(push, &first, rows, now);
    store::audit_entry::append(conn, &[entry]).await
}

/// The row of a tree that the session does not have: not yet, or not any more.
fn row(
    push: &PushOfSession,
    built: &Built,
    there: &[Newest],
    now: Timestamp,
) -> Option<SnapshotRow> {
    let digest = built.digest.to_string();
    let before = there.iter().find(|row| row.digest == digest);
    let again = match before {
        None => None,
        Some(row) if row.removed => Some(row.again + 1),
        Some(_) => return None,
    };
    Some(SnapshotRow {
        id: SnapshotId::new().as_uuid(),
        lab_session_id: push.session.as_uuid(),
        digest,
        files: i32::try_from(built.files).unwrap_or(i32::MAX),
        bytes: i64::try_from(built.bytes).unwrap_or(i64::MAX),
        builder: audit::BUILDER.to_owned(),
        recorded_at: now,
        again,
    })
}
