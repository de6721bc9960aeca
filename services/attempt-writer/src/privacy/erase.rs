//! Owns erasure: keys are destroyed and rows deleted in the transaction that says so; objects, dead
//! letters and the rest go after it, however often that is begun.

use std::collections::BTreeSet;

use contract::command::privacy::PrivacyOrdered;
use contract::ids::{CommandId, DeadLetterId};
use contract::time::{Timestamp, now};
use objects::store::Objects;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::dead_letter::{self, DeadLetterRow};
use store::delivery_body;
use store::erasure::{self, ErasureRow};
use store::error::StoreError;
use store::person_key::{self, PersonKeyRow};
use store::pool::Store;
use store::principal::{self, PrincipalRow};
use store::removal;
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use store::{audit_entry, transaction};
use uuid::Uuid;

use crate::audit;
use crate::remove::{self, Asking, Cause, RemoveError};
use crate::seal::MasterKeys;

/// Logs and snapshots that one transaction writes down; the keeper finds the others.
const DUE_MAX: i64 = 10_000;
/// Erasures that are read at one time.
const PAGE_MAX: i64 = 1_000;

/// What is kept of an erasure beside the objects, so that it outlives the ledger that it is in.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    command: CommandId,
    erased_at: Timestamp,
    people: Vec<Person>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Person {
    id: Uuid,
    provider: String,
    account: String,
    recorded_at: Timestamp,
}

/// What an erasure is about to do.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) people: Vec<Uuid>,
    pub(super) letters: Vec<DeadLetterRow>,
}

/// Erases in a transaction; says how much went.
pub(super) async fn erase(
    conn: &mut LedgerConnection,
    asked: &PrivacyOrdered,
    planned: &Planned,
    masters: &MasterKeys,
    now: Timestamp,
) -> Result<Value, StoreError> {
    let cause = Cause {
        id: asked.command.as_uuid(),
        word: removal::ERASURE,
    };
    seize(conn, &planned.people, masters, now).await?;
    let rows: Vec<ErasureRow> = planned
        .people
        .iter()
        .map(|person| ErasureRow {
            id: Uuid::now_v7(),
            command_id: cause.id,
            principal_id: *person,
            erased_at: now,
            recorded_at: now,
        })
        .collect();
    ErasureRow::insert(conn, &rows).await?;
    let bodies = delivery_body::naming(conn, &planned.people).await?;
    let due = remove::going(conn, Asking::Erased(DUE_MAX)).await?;
    remove::append(conn, cause, &bodies, &due, now).await?;
    principal::forget(conn, &planned.people).await?;
    person_key::destroy(conn, &planned.people).await?;
    let mut covered: Vec<_> = rows.iter().map(LedgerRow::covered).collect();
    covered.extend(planned.letters.iter().map(LedgerRow::covered));
    let mut fields = Map::new();
    fields.insert("assay.command.id".into(), json!(asked.command));
    fields.insert("assay.actor".into(), json!(asked.actor));
    fields.insert("assay.reason".into(), json!(asked.reason));
    // The leaf alone is enough to erase again, where nothing is left but a mirror of the log.
    let record = record(conn, asked.command).await?;
    fields.insert("assay.erasure".into(), json!(record));
    let subject = asked.command.to_string();
    let entry = audit::of_rows("person-erased", &subject, None, fields, covered, now);
    audit_entry::append(conn, &[entry]).await?;
    let of = |kind: &str| due.iter().filter(|due| due.kind == kind).count();
    Ok(json!({
        "people": planned.people,
        "raw_bodies": bodies.len(),
        "snapshots": of(removal::SNAPSHOT),
        "logs": of(removal::LOG),
        "dead_letters": planned.letters.len(),
    }))
}

/// Of the rows that close letters, those whose letter nobody has closed since they were made. Until
/// the transaction ends nobody else closes one.
pub(super) async fn still_open(
    conn: &mut LedgerConnection,
    closing: &[DeadLetterRow],
) -> Result<Vec<DeadLetterRow>, StoreError> {
    dead_letter::lock(conn).await?;
    let ids: Vec<Uuid> = closing.iter().map(|row| row.letter_id).collect();
    let found = dead_letter::find(conn, &ids).await?;
    let open = found.iter().filter(|letter| letter.state == "open");
    let open: BTreeSet<Uuid> = open.map(|letter| letter.death.id).collect();
    let closing = closing.iter().filter(|row| open.contains(&row.letter_id));
    Ok(closing.cloned().collect())
}

/// Takes hold of the keys. Whoever has none gets one, so that somebody who is about to seal waits.
async fn seize(
    conn: &mut LedgerConnection,
    people: &[Uuid],
    masters: &MasterKeys,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sorted: BTreeSet<Uuid> = people.iter().copied().collect();
    let minted = sorted.iter().map(|person| masters.mint(*person, now));
    let minted = minted.collect::<Result<Vec<_>, _>>()?;
    PersonKeyRow::insert(conn, &minted).await?;
    person_key::seize(conn, people).await?;
    Ok(())
}

/// What follows the transaction: the record, the objects. Runs again when the command comes again.
pub(super) async fn follow(
    store: &Store,
    objects: &Objects,
    command: CommandId,
) -> Result<(), RemoveError> {
    let record = {
        let mut conn = store.connection().await?;
        record(&mut conn, command).await?
    };
    let Some(record) = record else { return Ok(()) };
    let text = serde_json::to_vec(&record).expect("ids and times are JSON");
    objects.put_erasure(command, text.into()).await?;
    remove::carry_out(store, objects, command.as_uuid()).await
}

async fn record(
    conn: &mut LedgerConnection,
    command: CommandId,
) -> Result<Option<Record>, StoreError> {
    let rows = erasure::of_command(conn, command.as_uuid()).await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let erased_at = first.erased_at;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.principal_id).collect();
    let people = principal::find(conn, &ids).await?;
    let person = |row: PrincipalRow| Person {
        id: row.id,
        provider: row.provider,
        account: row.account,
        recorded_at: row.recorded_at,
    };
    Ok(Some(Record {
        command,
        erased_at,
        people: people.into_iter().map(person).collect(),
    }))
}

/// Takes the letters that a command closed out of `DEAD`.
pub(super) async fn letters_of(
    conn: &mut LedgerConnection,
    command: CommandId,
) -> Result<Vec<(u64, DeadLetterId)>, StoreError> {
    let closed = dead_letter::closed_by(conn, command.as_uuid()).await?;
    let place = |row: &DeadLetterRow| {
        row.dead_sequence
            .and_then(|place| u64::try_from(place).ok())
    };
    Ok(closed
        .iter()
        .map(|row| {
            (
                place(row).unwrap_or(0),
                DeadLetterId::from_uuid(row.letter_id),
            )
        })
        .collect())
}

/// Erases again whoever was ever erased, by the ledger's rows and by the records that lie beside
/// the objects: for a ledger that was restored from before. To be run before anything serves, with
/// the role of attempt-writer. It may run again. Says how many people it was about.
///
/// # Errors
/// What the ledger or the objects answer.
pub async fn again(store: &Store, objects: &Objects) -> Result<usize, RemoveError> {
    for bytes in objects.erasures().await? {
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| {
            RemoveError::Ledger(StoreError::Unreadable {
                table: "erasures",
                column: "record",
                reason: error.to_string(),
            })
        })?;
        let mut conn = store.connection().await?;
        let work = async |conn: &mut _| enter(conn, &record).await;
        transaction::run(&mut conn, work).await?;
    }
    let mut people = BTreeSet::new();
    let mut commands = BTreeSet::new();
    let mut beyond = Uuid::nil();
    // Ends: each page begins beyond the one before it.
    loop {
        let mut conn = store.connection().await?;
        let rows = erasure::all(&mut conn, beyond, PAGE_MAX).await?;
        let Some(last) = rows.last() else { break };
        beyond = last.id;
        people.extend(rows.iter().map(|row| row.principal_id));
        commands.extend(rows.iter().map(|row| row.command_id));
        let work = async |conn: &mut _| strip(conn, &rows).await;
        transaction::run(&mut conn, work).await?;
    }
    for command in commands {
        follow(store, objects, CommandId::from_uuid(command)).await?;
    }
    remove::leftovers(store, objects).await?;
    Ok(people.len())
}

/// Enters a record's erasure into a ledger that does not have it.
async fn enter(conn: &mut LedgerConnection, record: &Record) -> Result<(), StoreError> {
    let now = now();
    let principals: Vec<PrincipalRow> = record
        .people
        .iter()
        .map(|person| PrincipalRow {
            id: person.id,
            provider: person.provider.clone(),
            account: person.account.clone(),
            recorded_at: person.recorded_at,
        })
        .collect();
    let new_people = PrincipalRow::insert(conn, &principals).await?;
    let known = erasure::of_command(conn, record.command.as_uuid()).await?;
    let is_missing = |person: &&Person| !known.iter().any(|row| row.principal_id == person.id);
    let rows: Vec<ErasureRow> = record
        .people
        .iter()
        .filter(is_missing)
        .map(|person| ErasureRow {
            id: Uuid::now_v7(),
            command_id: record.command.as_uuid(),
            principal_id: person.id,
            erased_at: record.erased_at,
            recorded_at: now,
        })
        .collect();
    ErasureRow::insert(conn, &rows).await?;
    let people = principals.iter().filter(|row| new_people.contains(&row.id));
    let mut covered: Vec<_> = people.map(LedgerRow::covered).collect();
    covered.extend(rows.iter().map(LedgerRow::covered));
    let Some(subject) = covered.first().map(|row| row.key.clone()) else {
        return Ok(());
    };
    let mut fields = Map::new();
    fields.insert("assay.command.id".into(), json!(record.command));
    let entry = audit::of_rows("person-erased-again", &subject, None, fields, covered, now);
    audit_entry::append(conn, &[entry]).await
}

/// Removes what an older ledger still has of erased people, but for what came after.
async fn strip(conn: &mut LedgerConnection, rows: &[ErasureRow]) -> Result<(), StoreError> {
    for row in rows {
        let person = [row.principal_id];
        let keys = person_key::seize(conn, &person).await?;
        let bodies = delivery_body::naming_until(conn, row.principal_id, row.erased_at).await?;
        let cause = Cause {
            id: row.command_id,
            word: removal::ERASURE,
        };
        remove::append(conn, cause, &bodies, &[], now()).await?;
        // A key that was made since belongs to what came since.
        if keys.iter().all(|key| key.recorded_at <= row.erased_at) {
            principal::forget(conn, &person).await?;
            person_key::destroy(conn, &person).await?;
        }
    }
    Ok(())
}
