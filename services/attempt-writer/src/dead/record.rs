//! Owns the row of a death: once for each letter, however often the letter comes.

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use bus::letter::DeadLetter;
use contract::delivery::DELIVERY_HEADER;
use contract::ids::{DeadLetterId, DeliveryId};
use contract::time::{Timestamp, now};
use serde_json::{Map, Value, json};
use service::ground::Ground;
use store::dead_letter::{DEAD_LETTERED, DeadLetterRow};
use store::error::StoreError;
use store::lane::LaneMessageRow;
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use store::{audit_entry, transaction};

use crate::{audit, numbers};

/// Records deaths.
pub(crate) struct Recorder {
    pub(crate) ground: Ground,
}

impl Handler for Recorder {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let letter = DeadLetter::of(incoming);
        let (row, number) = (row(&letter, now()), numbers::of_dead(&letter, now()));
        let recording = async {
            let mut conn = self.ground.store.connection().await?;
            let work = async |conn: &mut _| record(conn, &row, number.as_slice()).await;
            transaction::run(&mut conn, work).await
        };
        match recording.await {
            Ok(()) => Outcome::Done,
            Err(error) => self.ground.ledger_refused(&error),
        }
    }
}

async fn record(
    conn: &mut LedgerConnection,
    row: &DeadLetterRow,
    number: &[LaneMessageRow],
) -> Result<(), StoreError> {
    LaneMessageRow::insert(conn, number).await?;
    let new = DeadLetterRow::insert(conn, std::slice::from_ref(row)).await?;
    if new.is_empty() {
        return Ok(());
    }
    let entry = audit::of_rows(
        "message-dead-lettered",
        &row.id.to_string(),
        row.delivery_id
            .map(|id| DeliveryId::from_uuid(id).trace_id()),
        fields(row),
        vec![row.covered()],
        row.recorded_at,
    );
    audit_entry::append(conn, &[entry]).await
}

/// What an audit entry says of a letter; never its reason, which may tell of its body.
pub(super) fn fields(row: &DeadLetterRow) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("assay.dead_letter.id", json!(row.letter_id));
    set("assay.dead_letter.stream", json!(row.stream));
    set("assay.dead_letter.consumer", json!(row.consumer));
    if let Some(delivery) = row.delivery_id {
        set("assay.delivery.id", json!(delivery));
    }
    fields
}

fn row(letter: &DeadLetter, now: Timestamp) -> DeadLetterRow {
    let id = DeadLetterId::compute(&letter.id).as_uuid();
    let count = |count: u64| i64::try_from(count).ok();
    DeadLetterRow {
        id,
        message_id: letter.message_id.clone(),
        stream: letter.stream.clone(),
        consumer: letter.consumer.clone(),
        subject: letter.subject.clone(),
        action: DEAD_LETTERED.to_owned(),
        actor: audit::SERVICE.to_owned(),
        reason: letter.reason.clone(),
        recorded_at: now,
        letter_id: id,
        delivery_id: delivery(letter).map(DeliveryId::as_uuid),
        dead_sequence: count(letter.sequence),
        deliveries: count(letter.deliveries),
        renewals: count(letter.renewals),
        last_failure: letter.last_failure.clone(),
        first_stored_at: letter.first_at,
        died_at: letter.died_at,
        command_id: None,
    }
}

/// The delivery that a dead message is about: by its header, which need not be readable as a
/// whole; by its id, which begins with the delivery's; or by the push that a job names.
fn delivery(letter: &DeadLetter) -> Option<DeliveryId> {
    let of = |value: &Value| value.as_str()?.parse().ok();
    let by_header = || {
        let header: Value = serde_json::from_str(letter.header(DELIVERY_HEADER)?).ok()?;
        of(&header["delivery"])
    };
    let by_id = || letter.message_id.split(':').next()?.parse().ok();
    let by_job = || {
        let body: Value = serde_json::from_slice(&letter.payload).ok()?;
        of(&body["push"]["delivery"])
    };
    match letter.stream.as_str() {
        "DELIVERIES" => by_header().or_else(by_id),
        "JOBS" => by_job(),
        _ => None,
    }
}
