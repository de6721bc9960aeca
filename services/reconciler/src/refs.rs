//! Owns comparing where branches and tags are with where the ledger last saw them.

use std::collections::{BTreeMap, HashMap, HashSet};

use contract::delivery::RefFound;
use contract::name::{CommitSha, Repository, SourceName};
use contract::time::{Timestamp, now};
use forge::provider::Provider;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream;
use git::refs::{Ref, refs};
use process::settings::source::Source;
use service::origin::origin_of;
use store::reconciliation::{self, KnownRef, OpenRepository};

use crate::desk::Desk;
use crate::halt::Halt;
use crate::judge::{elsewhere, is_new_tag};
use crate::repositories::Pages;
use crate::shortfall::Shortfall;

/// Most refs that a comparison finds elsewhere; what is beyond is found by the next.
const FOUND_MAX: usize = 10_000;

/// GitLab's name of the event of a tag's push.
const GITLAB_TAGS: &str = "Tag Push Hook";

/// A ref that is elsewhere than the ledger last saw it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) what: RefFound,
    /// When it was seen there.
    pub(crate) at: Timestamp,
}

/// What the comparison of refs saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) repositories: i64,
    pub(crate) refs: i64,
    pub(crate) found: Vec<Found>,
}

/// A repository, with where its refs are.
struct Looked {
    repository: Repository,
    starting: Vec<String>,
    refs: Vec<Ref>,
    at: Timestamp,
}

/// The refs of a source's repositories that are elsewhere, of all that have an open session or of
/// one.
pub(crate) async fn compare(
    desk: &Desk,
    name: &SourceName,
    source: &Source,
    repository: Option<&Repository>,
    short: &mut Shortfall,
) -> Result<Seen, Halt> {
    let mut seen = Seen::default();
    let mut pages = Pages::new(desk, name);
    while let Some(mut page) = pages.next().await? {
        if let Some(one) = repository {
            page.retain(|open| open.repository == one.as_str());
        }
        let mut all: Vec<BoxFuture<'_, _>> = Vec::with_capacity(page.len());
        for open in &page {
            if let Some(looking) = look(desk, source, open) {
                all.push(Box::pin(looking));
            }
        }
        let mut looking = stream::iter(all).buffer_unordered(desk.limits.refs_at_once);
        let mut looked = Vec::new();
        loop {
            let next = tokio::select! {
                () = desk.stop.cancelled() => return Err(Halt::Stopped),
                next = looking.next() => next,
            };
            match next {
                Some(Ok(one)) => looked.push(one),
                Some(Err(reason)) => short.add(reason),
                None => break,
            }
        }
        drop(looking);
        seen.repositories += i64::try_from(looked.len()).unwrap_or(i64::MAX);
        judge_page(desk, looked, &mut seen, short).await?;
    }
    Ok(seen)
}

/// Asks one origin. The URL is made of the settings alone.
fn look<'a>(
    desk: &'a Desk,
    source: &Source,
    open: &OpenRepository,
) -> Option<impl Future<Output = Result<Looked, String>> + use<'a>> {
    let repository: Repository = open.repository.parse().ok()?;
    let origin = origin_of(&desk.settings, &repository).transpose()?;
    let starting = open.starting.clone();
    let seconds_max = desk.limits.refs_seconds_max;
    let wants_tags = wants_tags(source);
    Some(async move {
        let origin = origin.map_err(|error| format!("refs of {repository}: {error}"))?;
        match refs(&origin, seconds_max).await {
            Ok(mut refs) => {
                refs.retain(|one| wants_tags || !one.is_tag());
                Ok(Looked {
                    repository,
                    starting,
                    refs,
                    at: now(),
                })
            }
            Err(error) => Err(format!("refs of {repository}: {error}")),
        }
    })
}

/// Whether deliveries of tags are taken in. GitLab alone has an event of their own.
fn wants_tags(source: &Source) -> bool {
    source.provider != Provider::Gitlab || source.wants(GITLAB_TAGS)
}

async fn judge_page(
    desk: &Desk,
    looked: Vec<Looked>,
    seen: &mut Seen,
    short: &mut Shortfall,
) -> Result<(), Halt> {
    let names: Vec<&str> = looked.iter().map(|one| one.repository.as_str()).collect();
    let known = known(desk, &names).await?;
    for one in &looked {
        let known = known
            .get(one.repository.as_str())
            .map_or(&[][..], Vec::as_slice);
        seen.refs += i64::try_from(one.refs.len()).unwrap_or(i64::MAX);
        let found = elsewhere(&one.repository, &one.starting, &one.refs, known);
        for what in without_strange_tags(desk, &one.repository, found).await? {
            if seen.found.len() >= FOUND_MAX {
                short.add(format!("more than {FOUND_MAX} refs are elsewhere"));
                return Ok(());
            }
            seen.found.push(Found { what, at: one.at });
        }
    }
    Ok(())
}

/// What was found but for tags that nobody pushed, as far as the ledger can know.
async fn without_strange_tags(
    desk: &Desk,
    repository: &Repository,
    mut found: Vec<RefFound>,
) -> Result<Vec<RefFound>, Halt> {
    let tags = found.iter().filter(|one| is_new_tag(one));
    let commits: Vec<&str> = tags
        .filter_map(|tag| tag.after.as_ref())
        .map(CommitSha::as_str)
        .collect();
    if commits.is_empty() {
        return Ok(found);
    }
    let mut conn = desk.ground.store.connection().await?;
    let pushed = reconciliation::pushed(&mut conn, repository.as_str(), &commits).await?;
    let pushed: HashSet<String> = pushed.into_iter().collect();
    let is_pushed = |one: &RefFound| {
        let at = one.after.as_ref();
        at.is_some_and(|at| pushed.contains(at.as_str()))
    };
    found.retain(|one| !is_new_tag(one) || is_pushed(one));
    Ok(found)
}

/// Those of the refs that are still elsewhere, as the ledger has them now: a delivery that was on
/// its way may have come since.
pub(crate) async fn still(desk: &Desk, found: Vec<Found>) -> Result<Vec<Found>, Halt> {
    let mut by_repository: BTreeMap<Repository, Vec<Found>> = BTreeMap::new();
    for one in found {
        by_repository
            .entry(one.what.repository.clone())
            .or_default()
            .push(one);
    }
    let mut left = Vec::new();
    for (repository, found) in by_repository {
        let known = known(desk, &[repository.as_str()]).await?;
        let known = known.into_values().next().unwrap_or_default();
        for one in found {
            let here: Vec<_> = known
                .iter()
                .filter(|known| known.ref_name == one.what.ref_name)
                .cloned()
                .collect();
            let at = one.what.after.clone().map(|head| Ref {
                ref_name: one.what.ref_name.clone(),
                head,
            });
            let refs: Vec<_> = at.into_iter().collect();
            // The starting commits were looked at when it was found.
            let again = elsewhere(&repository, &[], &refs, &here).into_iter().next();
            left.extend(again.map(|what| Found { what, at: one.at }));
        }
    }
    Ok(left)
}

async fn known(desk: &Desk, repositories: &[&str]) -> Result<HashMap<String, Vec<KnownRef>>, Halt> {
    let mut conn = desk.ground.store.connection().await?;
    let mut by_repository: HashMap<String, Vec<KnownRef>> = HashMap::new();
    for known in reconciliation::known_refs(&mut conn, repositories).await? {
        by_repository
            .entry(known.repository.clone())
            .or_default()
            .push(known);
    }
    Ok(by_repository)
}
