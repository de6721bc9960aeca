//! Owns one comparison of one source: look, wait, look again, record, and only then ask and
//! publish. Each step may run twice.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use contract::name::{Repository, SourceName};
use contract::time::{Timestamp, now};
use forge::provider::Provider;
use forge_api::github::KEPT_DAYS;
use process::settings::source::Source;
use serde_json::{Value, json};
use store::reconciliation::{self, GapRow, ReconciliationRow};
use uuid::Uuid;

use crate::deliveries::{Asked, Heard};
use crate::desk::Desk;
use crate::halt::Halt;
use crate::judge::Told;
use crate::queue::caught_up;
use crate::refs::{self, Found, Seen};
use crate::shortfall::Shortfall;
use crate::sources::Known;
use crate::{found, gauges, record};

/// How much of the window before is looked at again, in minutes: a forge's list may lag.
const OVERLAP_MINUTES: i64 = 10;
/// Most gaps of each kind that a result names; all of them are rows.
const SAMPLE_MAX: usize = 20;

/// What is to be compared.
pub(crate) struct Order<'a> {
    /// The comparison: the command's own id where one asked for it, so that it is one however often
    /// that is carried out.
    pub(crate) run: Uuid,
    pub(crate) name: &'a SourceName,
    pub(crate) known: &'a Known,
    pub(crate) repository: Option<&'a Repository>,
    pub(crate) since: Option<Timestamp>,
    /// `schedule` or `command:<id>`.
    pub(crate) cause: String,
    /// Only say what would be done.
    pub(crate) plan: bool,
}

/// What was found, before it is recorded.
struct Picture {
    began: Timestamp,
    since: Timestamp,
    heard: Heard,
    seen: Seen,
}

/// Compares, and gives what came of it as JSON.
pub(crate) async fn compare(desk: &Desk, order: &Order<'_>) -> Result<Value, Halt> {
    let mut short = Shortfall::default();
    let picture = look(desk, order, &mut short).await?;
    if order.plan {
        return Ok(told(order, &picture, &short, 0));
    }
    let run = order.run;
    let row = row(run, order, &picture, &short);
    record::comparison(&desk.ground.store, &row).await?;
    let new = record::gaps(&desk.ground.store, &gaps(run, order, &picture)).await?;
    if new > 0 {
        // Somebody must look at why: every one was a push that only this comparison saved.
        tracing::error!(
            source = %order.name,
            gaps = new,
            "the ledger lacked {new} deliveries or pushes of {}: see reconciliation_gap",
            order.name
        );
    }
    gauges::show(&row, picture.lost());
    for one in &picture.seen.found {
        found::publish(desk, order.name, one).await?;
    }
    let mut refused = Shortfall::default();
    let promised = match asked(desk, order) {
        Some(asked) => {
            let missing: Vec<&Told> = picture.heard.missing.values().collect();
            asked.redeliver(&missing, &mut refused).await?
        }
        None => 0,
    };
    if let Some(reason) = refused.text() {
        tracing::warn!(source = %order.name, reason, "the forge did not promise every redelivery");
    }
    Ok(told(order, &picture, &short, promised))
}

/// Looks at the forge, lets what is on its way arrive, and keeps what is missing even then.
async fn look(desk: &Desk, order: &Order<'_>, short: &mut Shortfall) -> Result<Picture, Halt> {
    let began = now();
    let since = since(desk, order, began).await?;
    let mut heard = Heard::default();
    let asked = asked(desk, order);
    if let Some(asked) = &asked {
        heard = asked.missing(since, order.repository, short).await?;
    }
    let mut seen = refs::compare(
        desk,
        order.name,
        &order.known.source,
        order.repository,
        short,
    )
    .await?;
    if !heard.missing.is_empty() || !seen.found.is_empty() {
        if caught_up(desk, now()).await? {
            if let Some(asked) = &asked {
                let lacked = asked.lacked(&heard.missing).await?;
                heard.missing.retain(|guid, _| lacked.contains(guid));
            }
            seen.found = refs::still(desk, seen.found).await?;
        } else {
            short.add("deliveries wait to be recorded".to_owned());
            heard.complete = false;
            heard.missing = BTreeMap::new();
            seen.found = Vec::new();
        }
    }
    Ok(Picture {
        began,
        since,
        heard,
        seen,
    })
}

fn asked<'a>(desk: &'a Desk, order: &'a Order<'_>) -> Option<Asked<'a>> {
    Some(Asked {
        desk,
        name: order.name,
        source: &order.known.source,
        api: order.known.source.api.as_ref()?,
        client: order.known.kept.as_ref()?,
    })
}

/// From when on deliveries are looked at: since the last comparison that saw all, and as far back
/// as what that one found missing; never beyond what the forge keeps.
async fn since(desk: &Desk, order: &Order<'_>, began: Timestamp) -> Result<Timestamp, Halt> {
    let earliest = began - TimeDelta::days(KEPT_DAYS);
    if let Some(since) = order.since {
        return Ok(since.clamp(earliest, began));
    }
    let mut conn = desk.ground.store.connection().await?;
    let last = reconciliation::last_complete(&mut conn, order.name, began).await?;
    let last = last.map_or(earliest, |last| {
        let overlapping = last.began_at - TimeDelta::minutes(OVERLAP_MINUTES);
        last.oldest_gap_at
            .map_or(overlapping, |gap| gap.min(overlapping))
    });
    Ok(last.clamp(earliest, began))
}

impl Picture {
    fn oldest(&self) -> Option<Timestamp> {
        self.heard.missing.values().map(|told| told.first_at).min()
    }

    /// Deliveries that we answered with a 2xx and do not have.
    fn lost(&self) -> usize {
        let missing = self.heard.missing.values();
        missing.filter(|told| told.answered).count()
    }
}

fn row(run: Uuid, order: &Order<'_>, picture: &Picture, short: &Shortfall) -> ReconciliationRow {
    let Picture {
        began,
        since,
        heard,
        seen,
    } = picture;
    ReconciliationRow {
        id: run,
        source: order.name.to_string(),
        cause: order.cause.clone(),
        repository: order.repository.map(ToString::to_string),
        since_at: *since,
        began_at: *began,
        hooks: heard.hooks,
        deliveries: heard.deliveries,
        repositories: seen.repositories,
        refs: seen.refs,
        delivery_gaps: count(heard.missing.len()),
        ref_gaps: count(seen.found.len()),
        // A window of the operator's own choice says nothing of what lies before it.
        deliveries_complete: heard.complete && order.since.is_none(),
        oldest_gap_at: picture.oldest(),
        outcome: if short.is_none() {
            "complete"
        } else {
            "incomplete"
        }
        .to_owned(),
        reason: short.text(),
        recorded_at: now(),
    }
}

fn gaps(run: Uuid, order: &Order<'_>, picture: &Picture) -> Vec<GapRow> {
    let (source, now) = (order.name.as_str(), now());
    let missing = picture.heard.missing.values();
    let deliveries = missing.map(|told| record::of_delivery(run, source, told, now));
    let found = picture.seen.found.iter();
    let refs = found.map(|found| record::of_ref(run, source, found, now));
    deliveries.chain(refs).collect()
}

/// What came of it, for whoever asked.
fn told(order: &Order<'_>, picture: &Picture, short: &Shortfall, promised: i64) -> Value {
    let delivery = |told: &Told| {
        json!({
            "delivery": told.guid, "kind": told.kind(), "event": told.event,
            "first_attempt_at": told.first_at, "last_status": told.last_status,
            "tries": told.tries, "action": told.action().as_str(),
        })
    };
    let found = |found: &Found| {
        json!({
            "repository": found.what.repository, "ref": found.what.ref_name,
            "before": found.what.before, "after": found.what.after,
            "delivery": found.what.forge_delivery(),
        })
    };
    let missing = picture.heard.missing.values();
    let (gaps, lost) = (picture.heard.missing.len(), picture.lost());
    json!({
        "since": picture.since,
        "not_asked": not_asked(&order.known.source),
        "hooks": picture.heard.hooks,
        "deliveries": picture.heard.deliveries,
        "repositories": picture.seen.repositories,
        "refs": picture.seen.refs,
        "delivery_gaps": gaps,
        "failed": gaps - lost,
        "lost": lost,
        "ref_gaps": picture.seen.found.len(),
        "redeliveries": promised,
        "missing": missing.take(SAMPLE_MAX).map(delivery).collect::<Vec<_>>(),
        "found": picture.seen.found.iter().take(SAMPLE_MAX).map(found).collect::<Vec<_>>(),
        "incomplete": short.text(),
    })
}

/// Why the forge was not asked which deliveries it made, if it was not.
fn not_asked(source: &Source) -> Option<String> {
    match (&source.api, source.provider) {
        (Some(_), _) => None,
        (None, Provider::Github) => Some("the source has no api in the settings".to_owned()),
        (None, provider) => Some(format!(
            "{provider} has no list of them that we can ask for, so refs alone are compared"
        )),
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
