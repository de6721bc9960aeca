//! Owns the commits that git has and the payload did not list: recorded as attempts of their push.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use contract::audit::CoveredRow;
use contract::ids::{AttemptId, RequestId};
use contract::job::{AttemptToPreserve, CommitsFound, SnapshotRequested};
use contract::name::CommitSha;
use contract::time::{Timestamp, now};
use serde_json::{Map, json};
use service::ground::Ground;
use store::attempt::{self, AttemptRow};
use store::error::StoreError;
use store::lab_session::{self, SessionRules};
use store::listing::ListingPartRow;
use store::principal::PrincipalRow;
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use store::verification_request::{self, RequestRow};
use store::{audit_entry, transaction};
use uuid::Uuid;

use crate::person::Named;
use crate::plan::{self, sorted};
use crate::pseudonym::Pseudonyms;
use crate::seal::MasterKeys;
use crate::{audit, people};

/// Records commits found in git.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) ground: Ground,
    pub(crate) pseudonyms: Arc<Pseudonyms>,
    pub(crate) masters: Arc<MasterKeys>,
}

impl Handler for Found {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let found: CommitsFound = match incoming.decode() {
            Ok(found) => found,
            Err(reason) => return Outcome::Never(reason),
        };
        let jobs = match self.record(&found).await {
            Ok(Some(jobs)) => jobs,
            Ok(None) => return Outcome::Never("the ledger has no such session".to_owned()),
            Err(error) => return self.ground.ledger_refused(&error),
        };
        for job in &jobs {
            if let Err(error) = self.ground.bus.publish(job).await {
                return self.ground.bus_refused(&error);
            }
        }
        Outcome::Done
    }
}

impl Found {
    async fn record(
        &self,
        found: &CommitsFound,
    ) -> Result<Option<Vec<SnapshotRequested>>, StoreError> {
        let mut conn = self.ground.store.connection().await?;
        let (pseudonyms, masters) = (&self.pseudonyms, &self.masters);
        let work = async |conn: &mut _| record(conn, found, pseudonyms, masters).await;
        transaction::by_keys(&mut conn, work).await
    }
}

async fn record(
    conn: &mut LedgerConnection,
    found: &CommitsFound,
    pseudonyms: &Pseudonyms,
    masters: &MasterKeys,
) -> Result<Option<Vec<SnapshotRequested>>, StoreError> {
    let now = now();
    let session = found.push.session.as_uuid();
    let repositories = [found.push.repository.as_str()];
    let sessions = lab_session::of_repositories(conn, &repositories).await?;
    let Some(rules) = sessions.iter().find(|rules| rules.id == session) else {
        return Ok(None);
    };
    let (authors, new_people) = authors(conn, found, pseudonyms, masters, now).await?;
    let key = |row: &AttemptRow| row.commit_sha.clone();
    let rows = sorted(rows(found, &authors, now), key);
    let new = AttemptRow::insert(conn, &rows).await?;
    let commits: Vec<&str> = rows.iter().map(|row| row.commit_sha.as_str()).collect();
    let known = attempt::find(conn, &vec![session; commits.len()], &commits).await?;
    // Only what git named is this message's: the payload's own are the delivery's.
    let ours: Vec<AttemptRow> = known
        .into_iter()
        .filter(|row| row.push_id == found.push.push.as_uuid() && row.listed == "git")
        .collect();
    let (requests, new_requests) = requests(conn, &ours, rules, now).await?;
    let mut covered: Vec<_> = rows
        .iter()
        .filter(|row| new.contains(&row.id))
        .map(LedgerRow::covered)
        .collect();
    covered.extend(new_requests.iter().map(LedgerRow::covered));
    covered.extend(new_people.iter().map(LedgerRow::covered));
    covered.extend(part(conn, found, now).await?);
    if let Some(first) = covered.first() {
        let subject = first.key.clone();
        let mut fields = Map::new();
        fields.insert("assay.delivery.id".into(), json!(found.push.delivery));
        fields.insert("assay.push.id".into(), json!(found.push.push));
        let trace = Some(found.push.delivery.trace_id());
        let entry = audit::of_rows("commits-found", &subject, trace, fields, covered, now);
        audit_entry::append(conn, &[entry]).await?;
    }
    if found.left_out > 0 {
        leave_out(conn, found, now).await?;
    }
    let attempts: Vec<AttemptToPreserve> = ours
        .iter()
        .filter_map(|row| {
            Some(AttemptToPreserve {
                attempt: AttemptId::from_uuid(row.id),
                commit: CommitSha::try_from(row.commit_sha.clone()).ok()?,
                request: requests.get(&row.id).copied().map(RequestId::from_uuid),
            })
        })
        .collect();
    let jobs = plan::jobs(&found.push, &attempts, found.lane);
    Ok(Some(later_parts(jobs)))
}

/// Says for the record that a push has more commits than are recorded of one.
async fn leave_out(
    conn: &mut LedgerConnection,
    found: &CommitsFound,
    now: Timestamp,
) -> Result<(), StoreError> {
    let CommitsFound { push, left_out, .. } = found;
    tracing::warn!(push.id = %push.push, left_out, "a push has more commits than are recorded");
    metrics::counter!("assay_commits_left_out_total").increment(*left_out);
    let subject = format!("{}:{}", push.push, push.session);
    let mut fields = Map::new();
    fields.insert("assay.delivery.id".into(), json!(push.delivery));
    fields.insert("assay.push.id".into(), json!(push.push));
    fields.insert("assay.commits.left_out".into(), json!(left_out));
    let trace = Some(push.delivery.trace_id());
    let action = "commits-left-out";
    let entry = audit::of_rows(action, &subject, trace, fields, Vec::new(), now);
    audit_entry::append(conn, &[entry]).await
}

/// Records that this part of an awaited list is in the ledger; what that adds.
async fn part(
    conn: &mut LedgerConnection,
    found: &CommitsFound,
    now: Timestamp,
) -> Result<Option<CoveredRow>, StoreError> {
    if found.parts == 0 {
        return Ok(None);
    }
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let row = ListingPartRow {
        push_id: found.push.push.as_uuid(),
        lab_session_id: found.push.session.as_uuid(),
        parts: number(found.parts),
        part: number(found.part),
        commits: i32::try_from(found.commits.len()).unwrap_or(i32::MAX),
        recorded_at: now,
    };
    let new = ListingPartRow::insert(conn, std::slice::from_ref(&row)).await?;
    Ok((!new.is_empty()).then(|| row.covered()))
}

/// Part 0 is the message that found these commits; theirs come after it, and find none.
fn later_parts(mut jobs: Vec<SnapshotRequested>) -> Vec<SnapshotRequested> {
    for job in &mut jobs {
        job.part += 1;
    }
    jobs
}

/// The commits' authors, and those of them that were new.
async fn authors(
    conn: &mut LedgerConnection,
    found: &CommitsFound,
    pseudonyms: &Pseudonyms,
    masters: &MasterKeys,
    now: Timestamp,
) -> Result<(HashMap<CommitSha, Uuid>, Vec<PrincipalRow>), StoreError> {
    let named = found.commits.iter().filter_map(|commit| {
        let named = Named {
            email: Some(commit.author_email.clone()),
            ..Named::default()
        };
        Some((commit.commit.clone(), pseudonyms.of_author(named, now)?))
    });
    let named: Vec<_> = named.collect();
    let received_at = found.push.received_at;
    let people: Vec<_> = named.iter().map(|(_, p)| (p, received_at)).collect();
    let inserted = people::insert(conn, &people, BTreeMap::new(), masters, now).await?;
    let authors = named.into_iter().map(|(sha, p)| (sha, p.principal.id));
    Ok((authors.collect(), inserted.new))
}

fn rows(
    found: &CommitsFound,
    authors: &HashMap<CommitSha, Uuid>,
    now: Timestamp,
) -> Vec<AttemptRow> {
    let row = |commit: &contract::job::FoundCommit| AttemptRow {
        id: AttemptId::new().as_uuid(),
        lab_session_id: found.push.session.as_uuid(),
        push_id: found.push.push.as_uuid(),
        delivery_id: found.push.delivery.as_uuid(),
        commit_sha: commit.commit.to_string(),
        branch: found.push.branch.clone(),
        author_id: authors.get(&commit.commit).copied(),
        changed_files: None,
        committed_at: commit.committed_at,
        received_at: found.push.received_at,
        listed: "git".to_owned(),
        trace_id: found.push.delivery.trace_id().to_string(),
        recorded_at: now,
    };
    found.commits.iter().map(row).collect()
}

/// The requests for attempts found in git, where the lab verifies every commit; and those of them
/// that were new.
async fn requests(
    conn: &mut LedgerConnection,
    attempts: &[AttemptRow],
    rules: &SessionRules,
    now: Timestamp,
) -> Result<(HashMap<Uuid, Uuid>, Vec<RequestRow>), StoreError> {
    if rules.commits != "all" || attempts.is_empty() {
        return Ok((HashMap::new(), Vec::new()));
    }
    let kind = forge::push::RefKind::Branch;
    let rows = plan::attempts::requests(attempts, false, kind, rules, now);
    let rows = sorted(rows, |row| (row.cause.clone(), row.lab_attempt_id));
    let new = RequestRow::insert(conn, &rows).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.lab_attempt_id).collect();
    let known = verification_request::of_attempts(conn, &rows[0].cause, &ids).await?;
    let by_attempt = known
        .iter()
        .map(|row| (row.lab_attempt_id, row.id))
        .collect();
    Ok((
        by_attempt,
        rows.into_iter()
            .filter(|row| new.contains(&row.id))
            .collect(),
    ))
}
