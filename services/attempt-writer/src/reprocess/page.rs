//! Owns one page of an order to reprocess: requests in one transaction, their jobs, the next page.
//! A page that comes again finds its requests, and publishes what has no result yet.

use bus::consume::Outcome;
use contract::ids::CommandId;
use contract::name::Actor;
use contract::reprocess::{Looked, ReprocessDue, ReprocessRequested};
use contract::time::{Timestamp, now};
use serde_json::{Map, json};
use service::ground::Ground;
use store::audit_entry::{self, PendingEntry};
use store::command;
use store::error::StoreError;
use store::reprocess::order::{self, FINISHED};
use store::reprocess::{self, Scanned};
use store::row::LedgerRow;
use store::transaction::{self, LedgerConnection};
use store::verification_request::{self, RequestRow};
use uuid::Uuid;

use crate::audit;
use crate::plan::sorted;
use crate::reprocess::plan::{self, Turned};

/// An accepted order, as its row has it.
struct Order {
    asked: ReprocessRequested,
    /// What results are judged as of.
    as_of: Timestamp,
}

/// Works on a page.
pub(crate) async fn turn(ground: &Ground, due: &ReprocessDue) -> Outcome {
    let wait = due
        .not_before
        .and_then(|begin| (begin - now()).to_std().ok());
    if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
        return Outcome::Later(wait);
    }
    let order = match find(ground, due.command).await {
        Ok(Some(order)) => order,
        Ok(None) => return Outcome::Never("the ledger has no such order".to_owned()),
        Err(error) => return ground.ledger_refused(&error),
    };
    let (turned, jobs) = match record(ground, due, &order).await {
        Ok(Some(done)) => done,
        Ok(None) => return Outcome::Done,
        Err(error) => return ground.ledger_refused(&error),
    };
    let published = async { ground.bus.publish_all(&jobs.messages()?).await };
    if let Err(error) = published.await {
        return ground.bus_refused(&error);
    }
    let Some(next) = plan::next(due, &order.asked, turned, now()) else {
        return Outcome::Done;
    };
    match ground.bus.publish(&next).await {
        Ok(_) => Outcome::Done,
        Err(error) => ground.bus_refused(&error),
    }
}

async fn find(ground: &Ground, command: CommandId) -> Result<Option<Order>, StoreError> {
    let mut conn = ground.store.connection().await?;
    let row = command::find(&mut conn, command).await?;
    let Some(row) = row.filter(|row| row.outcome == "accepted") else {
        return Ok(None);
    };
    let asked = serde_json::from_value(row.body).map_err(|error| StoreError::Unreadable {
        table: "command",
        column: "body",
        reason: error.to_string(),
    })?;
    Ok(Some(Order {
        asked,
        as_of: row.recorded_at,
    }))
}

/// Records a page's requests; gives what became of it, with its jobs. `None` for an order that was
/// stopped.
async fn record(
    ground: &Ground,
    due: &ReprocessDue,
    order: &Order,
) -> Result<Option<(Turned, plan::Jobs)>, StoreError> {
    let mut conn = ground.store.connection().await?;
    if order::is_stopped(&mut conn, due.command).await? {
        let entry = finished_entry(due.command, &order.asked.actor, due.selected, true, now());
        let work = async |conn: &mut LedgerConnection| {
            audit_entry::append(conn, std::slice::from_ref(&entry)).await
        };
        transaction::run(&mut conn, work).await?;
        return Ok(None);
    }
    let ReprocessRequested {
        selection,
        rate_per_second,
        limit,
        ..
    } = &order.asked;
    let attempts = i64::from(plan::page_attempts(*rate_per_second));
    let page = reprocess::page(&mut conn, selection, order.as_of, due.after, attempts).await?;
    let (looked, last) = (page.len(), page.last().map(place));
    let chosen = plan::chosen(page, *limit, due.selected);
    let turned = Turned {
        looked,
        last,
        chosen: chosen.len(),
    };
    let work = async |conn: &mut _| write(conn, due, order, &chosen, turned).await;
    let requests = transaction::run(&mut conn, work).await?;
    let ids: Vec<Uuid> = requests.iter().map(|row| row.id).collect();
    let answered = verification_request::answered(&mut conn, &ids).await?;
    let unanswered = chosen.iter().filter_map(|scanned| {
        let request = requests
            .iter()
            .find(|row| row.lab_attempt_id == scanned.id)?;
        (!answered.contains(&request.id)).then_some((scanned, request.id))
    });
    Ok(Some((turned, plan::jobs(unanswered))))
}

fn place(scanned: &Scanned) -> Looked {
    Looked {
        received_at: scanned.received_at,
        attempt: contract::ids::AttemptId::from_uuid(scanned.id),
    }
}

/// Writes the requests with their audit entry; gives all of the page, inserted or found.
async fn write(
    conn: &mut LedgerConnection,
    due: &ReprocessDue,
    order: &Order,
    chosen: &[Scanned],
    turned: Turned,
) -> Result<Vec<RequestRow>, StoreError> {
    let (now, asked) = (now(), &order.asked);
    let rows = chosen
        .iter()
        .map(|scanned| plan::request(due.command, scanned, asked.lab_version, now));
    let rows = sorted(rows, |row| row.lab_attempt_id);
    let new = RequestRow::insert(conn, &rows).await?;
    let attempts: Vec<Uuid> = rows.iter().map(|row| row.lab_attempt_id).collect();
    let cause = ReprocessRequested::cause_of(due.command);
    let requests = verification_request::of_attempts(conn, &cause, &attempts).await?;
    let covered: Vec<_> = rows
        .iter()
        .filter(|row| new.contains(&row.id))
        .map(LedgerRow::covered)
        .collect();
    let mut entries = Vec::new();
    if let Some(first) = covered.first() {
        metrics::counter!("assay_reprocessed_total").increment(covered.len() as u64);
        let subject = first.key.clone();
        let mut fields = Map::new();
        fields.insert("assay.command.id".into(), json!(due.command));
        fields.insert("assay.actor".into(), json!(asked.actor));
        let action = "attempts-reprocessed";
        entries.push(audit::of_rows(action, &subject, None, fields, covered, now));
    }
    if plan::next(due, asked, turned, now).is_none() {
        let selected = due.selected + turned.chosen as u64;
        entries.push(finished_entry(
            due.command,
            &asked.actor,
            selected,
            false,
            now,
        ));
    }
    audit_entry::append(conn, &entries).await?;
    Ok(requests)
}

/// The entry that ends an order.
pub(crate) fn finished_entry(
    command: CommandId,
    actor: &Actor,
    selected: u64,
    stopped: bool,
    now: Timestamp,
) -> PendingEntry {
    let mut fields = Map::new();
    fields.insert("assay.command.id".into(), json!(command));
    fields.insert("assay.actor".into(), json!(actor));
    fields.insert("assay.attempts".into(), json!(selected));
    fields.insert("assay.stopped".into(), json!(stopped));
    let subject = command.to_string();
    audit::of_rows(FINISHED, &subject, None, fields, Vec::new(), now)
}
