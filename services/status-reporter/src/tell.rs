//! Owns telling a forge of one attempt: what the ledger says now, the post, and its row.

use std::time::Duration;

use contract::ids::AttemptId;
use contract::name::SourceName;
use contract::time::now;
use forge_api::error::ApiError;
use forge_api::status::{self, Status};
use metrics::counter;
use store::error::StoreError;
use store::status_report::{self, Standing};
use store::work_status::{self, Due, Trouble};

use crate::desk::Desk;
use crate::judge::{self, Refusal};
use crate::report::{Told, record};
use crate::sources::Known;

/// What comes after one attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// The next attempt.
    On,
    /// What is due is to be looked for anew: some of it waits now.
    Anew,
    /// Nothing before this has passed.
    Wait(Duration),
    /// The forge has trouble of its own.
    Later,
}

/// Tells the forge of an attempt, unless it was told already.
pub(crate) async fn tell(
    desk: &Desk,
    name: &SourceName,
    known: &Known,
    due: &Due,
) -> Result<Next, StoreError> {
    let store = &desk.ground.store;
    let attempt = AttemptId::from_uuid(due.lab_attempt_id);
    let mut conn = store.connection().await?;
    let standing = status_report::standing(&mut conn, attempt).await?;
    let standing = standing.filter(Standing::is_news);
    let (Some(standing), Ok(repository)) = (standing, due.repository.parse()) else {
        work_status::done(&mut conn, due).await?;
        return Ok(Next::On);
    };
    // No connection of the pool waits for a forge.
    drop(conn);
    let target_url = known.kept.status.target_url.as_deref();
    let status = judge::status(attempt, &repository, &standing, target_url);
    let sent = status::set(
        &known.kept.client,
        known.source.provider,
        repository.full_name(),
        &standing.commit_sha,
        &status,
    );
    let told = |refused| Told {
        due,
        standing: &standing,
        status: &status,
        refused,
    };
    let Err(error) = sent.await else {
        return accepted(desk, name, known, &told(None)).await;
    };
    match judge::refusal(&error) {
        Refusal::Accepted => accepted(desk, name, known, &told(None)).await,
        Refusal::Wait(wait) => {
            count(name, "limited");
            Ok(Next::Wait(wait))
        }
        Refusal::Later => {
            tracing::warn!(source = %name, %error, "statuses of {name} wait for its forge");
            count(name, "later");
            Ok(Next::Later)
        }
        Refusal::Source => trouble(desk, name, "", &error).await,
        Refusal::Repository => trouble(desk, name, &due.repository, &error).await,
        Refusal::Status => {
            tracing::error!(
                source = %name, attempt.id = %attempt, %error,
                "a forge refuses the status of attempt {attempt}: see status_report"
            );
            count(name, "refused");
            let told = told(Some(error.to_string()));
            record(store, name, &known.source, &told).await?;
            Ok(Next::On)
        }
    }
}

async fn accepted(
    desk: &Desk,
    name: &SourceName,
    known: &Known,
    told: &Told<'_>,
) -> Result<Next, StoreError> {
    let Status { state, .. } = told.status;
    count(name, state.as_str());
    record(&desk.ground.store, name, &known.source, told).await?;
    Ok(Next::On)
}

/// Notes that a source or a repository is closed to us. It is said once.
async fn trouble(
    desk: &Desk,
    name: &SourceName,
    repository: &str,
    error: &ApiError,
) -> Result<Next, StoreError> {
    count(name, "closed");
    let mut conn = desk.ground.store.connection().await?;
    let known = work_status::troubles(&mut conn).await?;
    let known = known
        .into_iter()
        .find(|one| one.source == name.as_str() && one.repository == repository);
    let now = now();
    let since = known.as_ref().map_or(now, |one| one.since);
    if known.is_none() {
        let what = if repository.is_empty() {
            name.as_str()
        } else {
            repository
        };
        tracing::error!(source = %name, %error, "{what} takes no statuses from us: {error}");
    }
    let one = Trouble {
        source: name.to_string(),
        repository: repository.to_owned(),
        reason: error.to_string(),
        since,
        again_at: judge::again_at(since, now),
    };
    work_status::trouble(&mut conn, &one).await?;
    Ok(Next::Anew)
}

fn count(name: &SourceName, outcome: &'static str) {
    let source = name.to_string();
    counter!("assay_status_reports_total", "source" => source, "outcome" => outcome).increment(1);
}
