//! Owns what the ledger knows of a job's attempts before the work on it begins.

use std::collections::{HashMap, HashSet};

use contract::digest::Digest;
use contract::ids::AttemptId;
use contract::job::{PushOfSession, SnapshotRequested};
use contract::name::CommitSha;
use store::attempt::AttemptRow;
use store::attempt_snapshot::KeptTree;
use store::pool::Store;
use store::push::PastCommit;
use store::transaction::{self, LedgerConnection};
use store::work_sweep::{self, Mark};
use uuid::Uuid;

use crate::trouble::Trouble;

/// Most commits of earlier pushes that bound a new ref, the newest first.
const HEADS_MAX: i64 = 100;

/// What is asked of the ledger before a job's trees are preserved.
pub(crate) struct Known {
    /// The mark of the session's objects; `None` while some are removed.
    pub(crate) mark: Option<Mark>,
    /// Attempts whose tree was removed, or whose person was erased: nothing of theirs is kept again.
    pub(crate) gone: HashSet<AttemptId>,
    /// The trees that are preserved already.
    pub(crate) kept: HashMap<AttemptId, Digest>,
    /// The attempts' rows, which hold what their webhook claims, by their commits.
    pub(crate) claims: HashMap<String, AttemptRow>,
    /// What bounds the commits of the push.
    pub(crate) past: Past,
}

impl Known {
    /// Whether nothing of the job is to be kept.
    pub(crate) fn is_all_gone(&self, job: &SnapshotRequested) -> bool {
        let mut attempts = job.attempts.iter();
        attempts.all(|attempt| self.gone.contains(&attempt.attempt))
    }
}

/// Asks the ledger what it knows of a job.
pub(crate) async fn known(store: &Store, job: &SnapshotRequested) -> Result<Known, Trouble> {
    let attempts: Vec<AttemptId> = job.attempts.iter().map(|a| a.attempt).collect();
    let ids: Vec<Uuid> = attempts.iter().map(|attempt| attempt.as_uuid()).collect();
    let PushOfSession { push, session, .. } = job.push;
    let mut conn = store.connection().await?;
    let work = async |conn: &mut _| {
        // First the mark: what is removed after it was asked what is gone changes it, and is seen when a
        // tree is recorded.
        let mark = work_sweep::mark(conn, session).await?;
        let gone = store::removal::gone(conn, &ids).await?;
        let kept = store::attempt_snapshot::kept(conn, &attempts).await?;
        let past = store::push::past(conn, push, session, HEADS_MAX).await?;
        Ok((mark, gone, kept, past))
    };
    let (mark, gone, kept, past) = transaction::by_keys(&mut conn, work).await?;
    let claims = claims(&mut conn, job).await?;
    Ok(Known {
        mark,
        gone: gone.into_iter().map(AttemptId::from_uuid).collect(),
        kept: digests(kept)?,
        claims,
        past: Past::of(past, &job.push.after),
    })
}

fn digests(rows: Vec<KeptTree>) -> Result<HashMap<AttemptId, Digest>, Trouble> {
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

async fn claims(
    conn: &mut LedgerConnection,
    job: &SnapshotRequested,
) -> Result<HashMap<String, AttemptRow>, Trouble> {
    let shas: Vec<&str> = job.attempts.iter().map(|a| a.commit.as_str()).collect();
    let sessions = vec![job.push.session.as_uuid(); shas.len()];
    let rows = store::attempt::find(conn, &sessions, &shas).await?;
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

impl Past {
    fn of(rows: Vec<PastCommit>, head: &CommitSha) -> Self {
        let mut past = Self::default();
        for row in rows {
            let Ok(commit) = row.sha.parse() else {
                continue;
            };
            if row.always {
                past.template.push(commit);
            } else if commit != *head {
                past.fallback.push(commit);
            }
        }
        past
    }
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
