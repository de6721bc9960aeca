//! Owns what the ledger knows of a job's attempts before the work on it begins.

use std::collections::{HashMap, HashSet};

use contract::digest::Digest;
use contract::ids::AttemptId;
use contract::job::{PushOfSession, SnapshotRequested};
use contract::name::CommitSha;
use store::attempt::AttemptRow;
use store::pool::Store;
use store::transaction;
use store::work_sweep::{self, Mark};
use uuid::Uuid;

use crate::trouble::Trouble;

/// Most commits of earlier pushes that bound a new ref, the newest first.
const HEADS_MAX: i64 = 100;

/// The trees that are preserved already.
pub(crate) async fn kept(
    store: &Store,
    job: &SnapshotRequested,
) -> Result<HashMap<AttemptId, Digest>, Trouble> {
    let attempts: Vec<AttemptId> = job.attempts.iter().map(|a| a.attempt).collect();
    let mut conn = store.connection().await?;
    let work = async |conn: &mut _| store::attempt_snapshot::kept(conn, &attempts).await;
    let rows = transaction::by_keys(&mut conn, work).await?;
    let read = rows.into_iter().map(|row| {
        let digest = row.digest.parse().map_err(|_| {
            Trouble::Hopeless(format!(
                "the snapshot of {} has no digest",
                row.lab_attempt_id
            ))
        })?;
        Ok((AttemptId::from_uuid(row.lab_attempt_id), digest))
    });
    read.collect()
}

/// Attempts whose tree was removed, or whose person was erased: nothing of theirs is fetched again.
pub(crate) async fn gone(
    store: &Store,
    job: &SnapshotRequested,
) -> Result<HashSet<AttemptId>, Trouble> {
    let attempts: Vec<Uuid> = job.attempts.iter().map(|a| a.attempt.as_uuid()).collect();
    let mut conn = store.connection().await?;
    let gone = store::removal::gone(&mut conn, &attempts).await?;
    Ok(gone.into_iter().map(AttemptId::from_uuid).collect())
}

/// The mark of the session's objects; `None` while some are removed.
pub(crate) async fn mark(store: &Store, job: &SnapshotRequested) -> Result<Option<Mark>, Trouble> {
    let mut conn = store.connection().await?;
    let session = job.push.session;
    let work = async |conn: &mut _| work_sweep::mark(conn, session).await;
    Ok(transaction::by_keys(&mut conn, work).await?)
}

/// The attempts' rows, which hold what their webhook claims, by their commits.
pub(crate) async fn claims(
    store: &Store,
    job: &SnapshotRequested,
) -> Result<HashMap<String, AttemptRow>, Trouble> {
    let shas: Vec<&str> = job.attempts.iter().map(|a| a.commit.as_str()).collect();
    let sessions = vec![job.push.session.as_uuid(); shas.len()];
    let mut conn = store.connection().await?;
    let rows = store::attempt::find(&mut conn, &sessions, &shas).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.commit_sha.clone(), row))
        .collect())
}

/// What bounds the commits of a job's push beside what its message says.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// The lab's own commits.
    pub(crate) template: Vec<CommitSha>,
    /// What the session has already.
    pub(crate) fallback: Vec<CommitSha>,
}

/// What the ledger knows that a push did not bring.
pub(crate) async fn past(store: &Store, job: &SnapshotRequested) -> Result<Past, Trouble> {
    let mut conn = store.connection().await?;
    let PushOfSession { push, session, .. } = job.push;
    let work = async |conn: &mut _| store::push::past(conn, push, session, HEADS_MAX).await;
    let rows = transaction::by_keys(&mut conn, work).await?;
    let mut past = Past::default();
    for row in rows {
        let Ok(commit) = row.sha.parse() else {
            continue;
        };
        if row.always {
            past.template.push(commit);
        } else if commit != job.push.after {
            past.fallback.push(commit);
        }
    }
    Ok(past)
}

/// Whether the push may bring commits beyond those listed: a tag names one that was pushed on a
/// branch, or never.
pub(crate) async fn brings_commits(
    store: &Store,
    job: &SnapshotRequested,
) -> Result<bool, Trouble> {
    let mut conn = store.connection().await?;
    let push = store::push::find(&mut conn, job.push.push).await?;
    Ok(push.is_some_and(|push| push.kind == "branch"))
}
