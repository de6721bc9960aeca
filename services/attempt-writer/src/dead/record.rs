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
        reason: quoteless(&letter.reason),
        recorded_at: now,
        letter_id: id,
        delivery_id: delivery(letter).map(DeliveryId::as_uuid),
        dead_sequence: count(letter.sequence),
        deliveries: count(letter.deliveries),
        renewals: count(letter.renewals),
        last_failure: letter.last_failure.as_deref().map(quoteless),
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

/// A reason without what it quotes: that may be of the body, and the row is kept for ever. The
/// letter itself has it whole.
fn quoteless(reason: &str) -> String {
    let mut told = String::with_capacity(reason.len());
    let mut rest = reason;
    // Ends: each turn takes something off the rest.
    while let Some(at) = rest.find(['"', '`']) {
        let (before, quoted) = rest.split_at(at);
        told.push_str(before);
        let mark = &quoted[..1];
        let is_word_of_ours = mark == "`"
            && !before.ends_with("unknown field ")
            && !before.ends_with("unknown variant ");
        let Some(end) = end_of_quote(quoted) else {
            told.push('\u{2026}');
            return told;
        };
        if is_word_of_ours {
            told.push_str(&quoted[..=end]);
        } else {
            told.push_str(&format!("{mark}\u{2026}{mark}"));
        }
        rest = &quoted[end + 1..];
    }
    told.push_str(rest);
    told
}

/// Where what begins with a mark ends with it; a mark behind a backslash is none.
fn end_of_quote(quoted: &str) -> Option<usize> {
    let bytes = quoted.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == bytes[0] => return Some(at),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::quoteless;

    #[test]
    fn what_a_reason_quotes_is_left_out_and_words_of_ours_stay() {
        for (reason, told) in [
            ("no push", "no push"),
            (
                r#"read the push: invalid type: string "a@example.org", expected u64 at line 1"#,
                "read the push: invalid type: string \"\u{2026}\", expected u64 at line 1",
            ),
            (
                "missing field `ref` at line 1",
                "missing field `ref` at line 1",
            ),
            (
                "invalid type: integer `7`, expected a string",
                "invalid type: integer `7`, expected a string",
            ),
            (
                "unknown field `ada`, expected `a`",
                "unknown field `\u{2026}`, expected `a`",
            ),
            (r#"says "a \" b" and more"#, "says \"\u{2026}\" and more"),
            (r#"cut "in the midd"#, "cut \u{2026}"),
        ] {
            assert_eq!(quoteless(reason), told, "{reason}");
        }
    }
}
