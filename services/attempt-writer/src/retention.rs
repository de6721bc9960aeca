//! Owns retention: what the labs' rules, and the house's where a lab has none, say is over. One
//! function finds it, writes it down, and removes it; a plan is the same without the removing.

use bus::consume::Outcome;
use chrono::TimeDelta;
use contract::command::privacy::RetentionRequested;
use contract::ids::CommandId;
use contract::time::{Timestamp, now};
use process::settings::privacy::Retention;
use serde_json::{Map, Value, json};
use store::error::StoreError;
use store::removal::{self, LOG, Rules, SNAPSHOT};
use store::{command, transaction};

use crate::outcome::{self, Decided};
use crate::privacy::{Privacy, reason_is_good};
use crate::remove::{self, Asking, Cause, RemoveError};

/// Removals of one transaction.
const PAGE_MAX: i64 = 500;
/// What one run looks for at most, and a plan counts; a run goes on with the rest.
const PLAN_MAX: i64 = 1_000_000;
/// Who runs it by itself.
const BY_ITSELF: &str = "attempt-writer";

/// What is over, by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Over {
    raw_bodies: usize,
    logs: usize,
    snapshots: usize,
}

impl Over {
    fn json(self, plan: bool) -> Value {
        json!({
            "plan": plan, "raw_bodies": self.raw_bodies, "logs": self.logs,
            "snapshots": self.snapshots,
        })
    }
}

/// Carries out an order.
pub(crate) async fn ordered(desk: &Privacy, asked: &RetentionRequested) -> Result<(), Outcome> {
    let refused = |error: StoreError| desk.refused(&error);
    if desk.is_decided(asked.command).await.map_err(refused)? {
        return Ok(());
    }
    let outcome = match reason_is_good(&asked.reason) {
        Ok(()) if asked.plan => {
            let over = plan(desk, now()).await.map_err(refused)?;
            Ok(over.json(true))
        }
        Ok(()) => {
            let over = run(desk, asked.command, now()).await;
            Ok(over.map_err(|error| desk.not_removed(&error))?.json(false))
        }
        Err(why) => Err(why),
    };
    record(desk, asked, outcome).await.map_err(refused)
}

/// Runs once a day, whichever process comes first.
pub(crate) async fn daily(desk: &Privacy, at: Timestamp) -> Result<(), RemoveError> {
    let day = at.date_naive().to_string();
    let asked = RetentionRequested {
        command: CommandId::compute(RetentionRequested::NAME, &day),
        actor: BY_ITSELF.parse().expect("a service's name is a token"),
        reason: format!("the rules of retention, {day}"),
        plan: false,
    };
    let is_done = {
        let mut conn = desk.ground.store.connection().await?;
        command::find(&mut conn, asked.command).await?.is_some()
    };
    if is_done {
        return Ok(());
    }
    let over = run(desk, asked.command, at).await?;
    Ok(record(desk, &asked, Ok(over.json(false))).await?)
}

fn rules(settings: &Retention) -> Rules {
    Rules {
        raw_bodies_days: settings.raw_bodies_days.map(i64::from),
        logs_days: settings.logs_days.map(i64::from),
        snapshots_days: settings.snapshots_days.map(i64::from),
    }
}

async fn plan(desk: &Privacy, at: Timestamp) -> Result<Over, StoreError> {
    let rules = rules(&desk.settings.retention);
    let mut conn = desk.ground.store.connection().await?;
    let bodies = removal::bodies_due(&mut conn, rules, at, PLAN_MAX).await?;
    let due = removal::due(&mut conn, rules, at, PLAN_MAX).await?;
    let of = |kind: &str| due.iter().filter(|due| due.kind == kind).count();
    Ok(Over {
        raw_bodies: bodies.len(),
        logs: of(LOG),
        snapshots: of(SNAPSHOT),
    })
}

/// Removes what is over at a moment: each page is written down in a transaction of its own, then its
/// objects go.
async fn run(desk: &Privacy, command: CommandId, at: Timestamp) -> Result<Over, RemoveError> {
    let rules = rules(&desk.settings.retention);
    let cause = Cause {
        id: command.as_uuid(),
        word: removal::RETENTION,
    };
    let (store, objects) = (&desk.ground.store, &desk.objects);
    let mut over = Over::default();
    // Ends: what was written down is not found again, and nothing younger than `at` is looked at.
    loop {
        let mut conn = store.connection().await?;
        let work = async |conn: &mut _| {
            // With a hold, or with an erasure, one is after the other.
            store::erasure::lock(conn).await?;
            let bodies = removal::bodies_due(conn, rules, at, PAGE_MAX).await?;
            let due = remove::going(conn, Asking::Ruled(rules, at, PAGE_MAX)).await?;
            remove::append(conn, cause, &bodies, &due, now()).await?;
            Ok::<_, StoreError>((bodies, due))
        };
        let (bodies, due) = transaction::run(&mut conn, work).await?;
        drop(conn);
        over.raw_bodies += bodies.len();
        over.logs += due.iter().filter(|due| due.kind == LOG).count();
        over.snapshots += due.iter().filter(|due| due.kind == SNAPSHOT).count();
        if bodies.is_empty() && due.is_empty() {
            break;
        }
    }
    remove::carry_out(store, objects, cause.id).await?;
    claim_checks(desk, at).await?;
    Ok(over)
}

/// Removes bodies that came as objects and were never taken in: nothing waits for them any more
/// once the dead letters of their time are gone.
async fn claim_checks(desk: &Privacy, at: Timestamp) -> Result<(), RemoveError> {
    let until = at - TimeDelta::days(bus::topology::DEAD_DAYS);
    Ok(desk.objects.remove_delivery_bodies_until(until).await?)
}

async fn record(
    desk: &Privacy,
    asked: &RetentionRequested,
    outcome: Result<Value, String>,
) -> Result<(), StoreError> {
    let mut conn = desk.ground.store.connection().await?;
    let work = async |conn: &mut _| {
        let mut fields = Map::new();
        fields.insert("assay.reason".into(), json!(asked.reason));
        let decided = Decided {
            command: asked.command,
            kind: RetentionRequested::NAME,
            actor: &asked.actor,
            body: json!({ "reason": asked.reason, "plan": asked.plan }),
            outcome: outcome.clone(),
            fields,
        };
        outcome::record(conn, decided, now()).await
    };
    transaction::run(&mut conn, work).await
}
