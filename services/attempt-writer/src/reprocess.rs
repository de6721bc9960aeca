//! Owns the orders to verify attempts again, and to stop that: what becomes of each is a row. The
//! work itself goes on page by page, as messages of its own.

pub(crate) mod page;
pub(crate) mod plan;

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use contract::ids::CommandId;
use contract::message::Message;
use contract::reprocess::{ReprocessDue, ReprocessRequested, ReprocessStopRequested};
use contract::time::{Timestamp, now, to_text};
use serde_json::{Map, Value, json};
use service::ground::Ground;
use store::command::{self, CommandRow};
use store::error::StoreError;
use store::reprocess::order;
use store::transaction::LedgerConnection;
use store::{audit_entry, lab_session, reprocess, transaction};

use crate::outcome::{self, Decided};

/// Carries out orders to reprocess.
pub(crate) struct Reprocess {
    pub(crate) ground: Ground,
}

impl Handler for Reprocess {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        if incoming.header("ce-type") == Some(ReprocessStopRequested::KIND) {
            return match incoming.decode::<ReprocessStopRequested>() {
                Ok(asked) if incoming.subject != asked.subject() => another_actor(),
                Ok(asked) => self.stop(&asked).await,
                Err(reason) => Outcome::Never(reason),
            };
        }
        match incoming.decode::<ReprocessRequested>() {
            Ok(asked) if incoming.subject != asked.subject() => another_actor(),
            Ok(asked) => self.begin(&asked).await,
            Err(reason) => Outcome::Never(reason),
        }
    }
}

fn another_actor() -> Outcome {
    Outcome::Never("the command names another actor than its subject".to_owned())
}

impl Reprocess {
    async fn begin(&self, asked: &ReprocessRequested) -> Outcome {
        let is_to_begin = match self.accept(asked).await {
            Ok(is_to_begin) => is_to_begin,
            Err(error) => return self.ground.ledger_refused(&error),
        };
        if !is_to_begin {
            return Outcome::Done;
        }
        let first = ReprocessDue {
            command: asked.command,
            after: None,
            selected: 0,
            not_before: None,
        };
        match self.ground.bus.publish(&first).await {
            Ok(_) => Outcome::Done,
            Err(error) => self.ground.bus_refused(&error),
        }
    }

    /// Decides on the order, if that was not done before; says whether its first page is to be
    /// published. A page is acked only after the next is published: once one was worked on, the
    /// order goes on by itself.
    async fn accept(&self, asked: &ReprocessRequested) -> Result<bool, StoreError> {
        let mut conn = self.ground.store.connection().await?;
        if command::find(&mut conn, asked.command).await?.is_none() {
            let as_of = now();
            let decided = decide(&mut conn, asked, as_of).await?;
            let work = async |conn: &mut _| record(conn, asked, &decided, as_of).await;
            transaction::run(&mut conn, work).await?;
        }
        let row = command::find(&mut conn, asked.command).await?;
        let is_accepted = row.is_some_and(|row| row.outcome == "accepted");
        Ok(is_accepted
            && order::finished(&mut conn, asked.command).await?.is_none()
            && !order::has_begun(&mut conn, asked.command).await?)
    }

    async fn stop(&self, asked: &ReprocessStopRequested) -> Outcome {
        let stopping = async {
            let mut conn = self.ground.store.connection().await?;
            let work = async |conn: &mut _| stop(conn, asked).await;
            transaction::run(&mut conn, work).await
        };
        match stopping.await {
            Ok(()) => Outcome::Done,
            Err(error) => self.ground.ledger_refused(&error),
        }
    }
}

/// How many attempts the order means, or why it is refused.
async fn decide(
    conn: &mut LedgerConnection,
    asked: &ReprocessRequested,
    as_of: Timestamp,
) -> Result<Result<u64, String>, StoreError> {
    if let Some(reason) = contradiction(asked) {
        return Ok(Err(reason.to_owned()));
    }
    if let Some(lab) = &asked.selection.lab
        && lab_session::newest_version(conn, lab).await?.is_none()
    {
        return Ok(Err(format!(
            "no lab {lab} is published: see `assay lab list`"
        )));
    }
    let meant = reprocess::count(conn, &asked.selection, as_of).await?;
    let meant = u64::try_from(meant).unwrap_or(0);
    Ok(Ok(asked.limit.map_or(meant, |limit| limit.min(meant))))
}

/// What of an order cannot hold together.
fn contradiction(asked: &ReprocessRequested) -> Option<&'static str> {
    if asked.reason.trim().is_empty() {
        return Some("a reason is missing");
    }
    if asked.rate_per_second == Some(0) {
        return Some("a rate of 0 would never end");
    }
    asked.selection.contradiction()
}

async fn record(
    conn: &mut LedgerConnection,
    asked: &ReprocessRequested,
    decided: &Result<u64, String>,
    as_of: Timestamp,
) -> Result<(), StoreError> {
    let outcome = decided.clone();
    let decision = Decided {
        command: asked.command,
        kind: ReprocessRequested::TOKEN,
        actor: &asked.actor,
        body: json!(asked),
        outcome: outcome.map(|meant| json!({ "attempts": meant, "as_of": to_text(as_of) })),
        fields: fields(&asked.reason, decided.as_ref().ok()),
    };
    outcome::record(conn, decision, as_of).await?;
    if *decided == Ok(0) {
        let entry = page::finished_entry(asked.command, &asked.actor, 0, false, as_of);
        audit_entry::append(conn, &[entry]).await?;
    }
    Ok(())
}

fn fields(reason: &str, attempts: Option<&u64>) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("assay.reason".into(), json!(reason));
    if let Some(attempts) = attempts {
        fields.insert("assay.attempts".into(), json!(attempts));
    }
    fields
}

async fn stop(
    conn: &mut LedgerConnection,
    asked: &ReprocessStopRequested,
) -> Result<(), StoreError> {
    let decision = Decided {
        command: asked.command,
        kind: ReprocessStopRequested::TOKEN,
        actor: &asked.actor,
        body: json!({ "stops": asked.stops, "reason": asked.reason }),
        outcome: stoppable(conn, asked.stops).await?,
        fields: fields(&asked.reason, None),
    };
    outcome::record(conn, decision, now()).await
}

async fn stoppable(
    conn: &mut LedgerConnection,
    command: CommandId,
) -> Result<Result<Value, String>, StoreError> {
    let row = command::find(conn, command).await?;
    let is_order =
        |row: &CommandRow| row.kind == ReprocessRequested::TOKEN && row.outcome == "accepted";
    if !row.as_ref().is_some_and(is_order) {
        return Ok(Err(format!("{command} is no accepted order to reprocess")));
    }
    if order::finished(conn, command).await?.is_some() {
        return Ok(Err(format!("{command} has asked for everything already")));
    }
    Ok(Ok(json!({ "stops": command })))
}
