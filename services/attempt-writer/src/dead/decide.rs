//! Owns what becomes of the letters that a command names: which can be closed, and the rows that
//! close them, with the command's own.

use contract::command::dead_letter::{LETTERS_MAX, REASON_CHARS_MAX};
use contract::ids::{CommandId, DeadLetterId, DeliveryId};
use contract::name::Actor;
use contract::time::{Timestamp, now};
use serde_json::{Map, json};
use service::ground::Ground;
use store::audit_entry::PendingEntry;
use store::dead_letter::{self, DeadLetterRow, Letter, SENT_BACK};
use store::error::StoreError;
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use store::{audit_entry, command, transaction};
use uuid::Uuid;

use crate::audit;
use crate::dead::record::fields;
use crate::outcome::{self, Decided};

/// What a command asks for, whichever it is.
pub(super) struct Asked<'a> {
    pub(super) command: CommandId,
    pub(super) kind: &'static str,
    pub(super) action: &'static str,
    pub(super) actor: &'a Actor,
    pub(super) letters: &'a [DeadLetterId],
    pub(super) reason: &'a str,
}

/// Whether a command is still to be decided.
pub(super) enum Verdict {
    /// It has its outcome.
    Decided,
    /// It has none; this is to become of its letters.
    Open(Sorted),
}

/// What becomes of each letter that a command names.
#[derive(Clone, Default)]
pub(super) struct Sorted {
    pub(super) closing: Vec<DeadLetterRow>,
    pub(super) refused: Vec<(DeadLetterId, String)>,
}

/// Which of the letters can be closed.
pub(super) async fn sort(ground: &Ground, asked: &Asked<'_>) -> Result<Verdict, StoreError> {
    let mut conn = ground.store.connection().await?;
    if command::find(&mut conn, asked.command).await?.is_some() {
        return Ok(Verdict::Decided);
    }
    if let Err(why) = reason_is_good(asked.reason) {
        let refused = asked.letters.iter().map(|&id| (id, why.clone())).collect();
        let closing = Vec::new();
        return Ok(Verdict::Open(Sorted { closing, refused }));
    }
    let ids: Vec<Uuid> = asked
        .letters
        .iter()
        .map(|letter| letter.as_uuid())
        .collect();
    let (ids, beyond) = ids.split_at(ids.len().min(LETTERS_MAX));
    let found = dead_letter::find(&mut conn, ids).await?;
    let mut sorted = choose(asked, ids, &found, now());
    let why = format!("a command takes {LETTERS_MAX} letters");
    let beyond = beyond
        .iter()
        .map(|&id| (DeadLetterId::from_uuid(id), why.clone()));
    sorted.refused.extend(beyond);
    Ok(Verdict::Open(sorted))
}

fn reason_is_good(reason: &str) -> Result<(), String> {
    if reason.trim().is_empty() {
        return Err("a reason is missing".to_owned());
    }
    if reason.chars().count() > REASON_CHARS_MAX {
        return Err(format!(
            "a reason has at most {REASON_CHARS_MAX} characters"
        ));
    }
    Ok(())
}

fn choose(asked: &Asked<'_>, ids: &[Uuid], found: &[Letter], now: Timestamp) -> Sorted {
    let mut sorted = Sorted::default();
    for &id in ids {
        let letter = DeadLetterId::from_uuid(id);
        let of_id = found.iter().find(|found| found.death.id == id);
        let Some(Letter { death, state, .. }) = of_id else {
            let reason = "there is no such dead letter".to_owned();
            sorted.refused.push((letter, reason));
            continue;
        };
        if state != "open" {
            sorted.refused.push((letter, closed_already(state)));
            continue;
        }
        if sorted.closing.iter().any(|row| row.letter_id == id) {
            continue;
        }
        let actor = asked.actor.to_string();
        let command = asked.command.as_uuid();
        let row = death.closed(asked.action, &actor, asked.reason, command, now);
        sorted.closing.push(row);
    }
    sorted
}

fn closed_already(state: &str) -> String {
    format!("it was {} already", state.replace('-', " "))
}

/// Writes what became of the letters, and of the command.
pub(super) async fn record(
    ground: &Ground,
    asked: &Asked<'_>,
    sorted: Sorted,
) -> Result<(), StoreError> {
    let mut conn = ground.store.connection().await?;
    let work = async |conn: &mut _| {
        let mut sorted = sorted.clone();
        still_open(conn, &mut sorted).await?;
        write(conn, asked, &sorted).await
    };
    transaction::run(&mut conn, work).await
}

/// Passes over those that another command has closed since they were chosen, and lets no other
/// close one until this is written.
async fn still_open(conn: &mut LedgerConnection, sorted: &mut Sorted) -> Result<(), StoreError> {
    dead_letter::lock(conn).await?;
    let ids: Vec<Uuid> = sorted.closing.iter().map(|row| row.letter_id).collect();
    for letter in dead_letter::find(conn, &ids).await? {
        if letter.state != "open" {
            let id = letter.death.id;
            sorted.closing.retain(|row| row.letter_id != id);
            let reason = closed_already(&letter.state);
            sorted.refused.push((DeadLetterId::from_uuid(id), reason));
        }
    }
    Ok(())
}

async fn write(
    conn: &mut LedgerConnection,
    asked: &Asked<'_>,
    sorted: &Sorted,
) -> Result<(), StoreError> {
    let now = now();
    let closed: Vec<Uuid> = sorted.closing.iter().map(|row| row.letter_id).collect();
    let refused: Vec<_> = sorted
        .refused
        .iter()
        .map(|(id, reason)| json!({ "letter": id, "reason": reason }))
        .collect();
    let outcome = match sorted.refused.first() {
        Some((_, reason)) if closed.is_empty() => Err(reason.clone()),
        None if closed.is_empty() => Err("it names no letter".to_owned()),
        _ => Ok(json!({ "closed": closed, "refused": refused })),
    };
    let decided = Decided {
        command: asked.command,
        kind: asked.kind,
        actor: asked.actor,
        body: json!({ "letters": asked.letters, "reason": asked.reason }),
        outcome,
        fields: Map::new(),
    };
    outcome::record(conn, decided, now).await?;
    let new = DeadLetterRow::insert(conn, &sorted.closing).await?;
    let closing = sorted.closing.iter().filter(|row| new.contains(&row.id));
    let entries: Vec<_> = closing.map(|row| entry(asked, row, now)).collect();
    audit_entry::append(conn, &entries).await
}

fn entry(asked: &Asked<'_>, row: &DeadLetterRow, now: Timestamp) -> PendingEntry {
    let action = match asked.action {
        SENT_BACK => "dead-letter-sent-back",
        _ => "dead-letter-discarded",
    };
    let mut fields = fields(row);
    fields.insert("assay.command.id".to_owned(), json!(row.command_id));
    fields.insert("assay.actor".to_owned(), json!(row.actor));
    fields.insert("assay.reason".to_owned(), json!(row.reason));
    let trace = row.delivery_id.map(DeliveryId::from_uuid);
    audit::of_rows(
        action,
        &row.letter_id.to_string(),
        trace.map(DeliveryId::trace_id),
        fields,
        vec![row.covered()],
        now,
    )
}
