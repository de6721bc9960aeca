//! Owns what the ledger knows of a job's attempts before the work on it begins.

use std::collections::HashMap;

use contract::digest::Digest;
use contract::ids::AttemptId;
use contract::job::SnapshotRequested;
use store::attempt::AttemptRow;
use store::pool::Store;

use crate::trouble::Trouble;

/// The trees that are preserved already.
pub(crate) async fn kept(
    store: &Store,
    job: &SnapshotRequested,
) -> Result<HashMap<AttemptId, Digest>, Trouble> {
    let attempts: Vec<AttemptId> = job.attempts.iter().map(|a| a.attempt).collect();
    let mut conn = store.connection().await?;
    let rows = store::attempt_snapshot::kept(&mut conn, &attempts).await?;
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
