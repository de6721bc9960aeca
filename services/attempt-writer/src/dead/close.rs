//! Owns the commands about dead letters: sent back to their queues, or left dead by decision. Each
//! letter is closed once; what became of a command is its row.

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use bus::letter::DeadLetter;
use bus::topology::STREAMS;
use contract::command::dead_letter::{DeadDiscardRequested, DeadSendBackRequested, LETTERS_MAX};
use contract::ids::{CommandId, DeadLetterId};
use contract::message::Message;
use contract::name::Actor;
use contract::time::now;
use serde_json::{Map, json};
use service::ground::Ground;
use store::dead_letter::{self, DISCARDED, DeadLetterRow, Letter, SENT_BACK};
use store::error::StoreError;
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use store::{audit_entry, command, transaction};
use uuid::Uuid;

use crate::audit;
use crate::dead::record::fields;
use crate::outcome::{self, Decided};

/// Pause before a letter is looked for again that the broker did not answer for, in seconds.
const LOOK_RETRY_SECS: u64 = 2;

/// Sends dead letters back.
pub(crate) struct SendBack {
    pub(crate) ground: Ground,
}

/// Discards dead letters.
pub(crate) struct Discard {
    pub(crate) ground: Ground,
}

/// What a command asks for, whichever it is.
struct Asked<'a> {
    command: CommandId,
    kind: &'static str,
    action: &'static str,
    actor: &'a Actor,
    letters: &'a [DeadLetterId],
    reason: &'a str,
}

/// What becomes of each letter that a command names.
#[derive(Default)]
struct Sorted {
    closing: Vec<DeadLetterRow>,
    refused: Vec<(DeadLetterId, String)>,
}

impl Handler for SendBack {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let asked: DeadSendBackRequested = match read(incoming) {
            Ok(asked) => asked,
            Err(reason) => return Outcome::Never(reason),
        };
        let asked = Asked {
            command: asked.command,
            kind: DeadSendBackRequested::TOKEN,
            action: SENT_BACK,
            actor: &asked.actor,
            letters: &asked.letters,
            reason: &asked.reason,
        };
        match self.carry_out(&asked).await {
            Ok(()) => Outcome::Done,
            Err(outcome) => outcome,
        }
    }
}

impl Handler for Discard {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let asked: DeadDiscardRequested = match read(incoming) {
            Ok(asked) => asked,
            Err(reason) => return Outcome::Never(reason),
        };
        let asked = Asked {
            command: asked.command,
            kind: DeadDiscardRequested::TOKEN,
            action: DISCARDED,
            actor: &asked.actor,
            letters: &asked.letters,
            reason: &asked.reason,
        };
        let carried_out = async {
            match sort(&self.ground, &asked).await? {
                Some(sorted) => record(&self.ground, &asked, sorted).await,
                None => Ok(()),
            }
        };
        match carried_out.await {
            Ok(()) => Outcome::Done,
            Err(error) => self.ground.ledger_refused(&error),
        }
    }
}

impl SendBack {
    async fn carry_out(&self, asked: &Asked<'_>) -> Result<(), Outcome> {
        let refused = |error: &StoreError| self.ground.ledger_refused(error);
        let sorted = sort(&self.ground, asked).await.map_err(|e| refused(&e))?;
        let Some(mut sorted) = sorted else {
            return Ok(());
        };
        let mut closing = Vec::with_capacity(sorted.closing.len());
        for row in sorted.closing {
            match self.publish(asked.command, &row).await? {
                Ok(()) => closing.push(row),
                Err(reason) => {
                    let id = DeadLetterId::from_uuid(row.letter_id);
                    sorted.refused.push((id, reason));
                }
            }
        }
        sorted.closing = closing;
        record(&self.ground, asked, sorted)
            .await
            .map_err(|error| refused(&error))
    }

    /// Publishes the dead message to its queue again, under an id that the command gives it: the
    /// command delivered twice sends it back once. Says why not, where that can never be done.
    async fn publish(
        &self,
        command: CommandId,
        row: &DeadLetterRow,
    ) -> Result<Result<(), String>, Outcome> {
        let sequence = row
            .dead_sequence
            .and_then(|place| u64::try_from(place).ok());
        let found = self.ground.bus.dead_letter(sequence.unwrap_or(0)).await;
        let found = found.map_err(|error| {
            tracing::warn!(%error, "look for a dead letter");
            Outcome::Later(std::time::Duration::from_secs(LOOK_RETRY_SECS))
        })?;
        // A sequence may be handed out twice: only the letter's own id says that it is it.
        let is_it =
            |letter: &DeadLetter| DeadLetterId::compute(&letter.id).as_uuid() == row.letter_id;
        let Some(letter) = found.filter(is_it) else {
            return Ok(Err("its bytes are not in DEAD any more".to_owned()));
        };
        let stream = STREAMS.iter().find(|stream| stream.name == letter.stream);
        if !stream.is_some_and(|stream| stream.takes(&letter.subject)) {
            return Ok(Err(format!("no stream takes {:?}", letter.subject)));
        }
        let id = format!("sent-back:{command}:{}", row.letter_id);
        let published = match letter.sent_back(&id) {
            Ok(back) => self.ground.bus.publish_raw(back).await,
            Err(error) => Err(error),
        };
        match published {
            Ok(_) => Ok(Ok(())),
            Err(error) if error.is_transient() => Err(self.ground.bus_refused(&error)),
            Err(error) => Ok(Err(error.to_string())),
        }
    }
}

fn read<M: Message>(incoming: &Incoming) -> Result<M, String> {
    let asked: M = incoming.decode()?;
    if incoming.subject != asked.subject() {
        return Err("the command names another actor than its subject".to_owned());
    }
    Ok(asked)
}

/// Which of the letters can be closed; `None` for a command that has its outcome already.
async fn sort(ground: &Ground, asked: &Asked<'_>) -> Result<Option<Sorted>, StoreError> {
    let mut conn = ground.store.connection().await?;
    if command::find(&mut conn, asked.command).await?.is_some() {
        return Ok(None);
    }
    let ids: Vec<Uuid> = asked
        .letters
        .iter()
        .map(|letter| letter.as_uuid())
        .collect();
    let ids = &ids[..ids.len().min(LETTERS_MAX)];
    let found = dead_letter::find(&mut conn, ids).await?;
    let now = now();
    let mut sorted = Sorted::default();
    for &id in ids {
        let of_id = found.iter().find(|letter| letter.death.id == id);
        let Some(Letter { death, state, .. }) = of_id else {
            let reason = "there is no such dead letter".to_owned();
            sorted.refused.push((DeadLetterId::from_uuid(id), reason));
            continue;
        };
        if state != "open" {
            let reason = format!("it was {} already", state.replace('-', " "));
            sorted.refused.push((DeadLetterId::from_uuid(id), reason));
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
    Ok(Some(sorted))
}

async fn record(ground: &Ground, asked: &Asked<'_>, sorted: Sorted) -> Result<(), StoreError> {
    let mut conn = ground.store.connection().await?;
    let work = async |conn: &mut _| write(conn, asked, &sorted).await;
    transaction::run(&mut conn, work).await
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
    let action = match asked.action {
        SENT_BACK => "dead-letter-sent-back",
        _ => "dead-letter-discarded",
    };
    let closing = sorted.closing.iter().filter(|row| new.contains(&row.id));
    let entries: Vec<_> = closing
        .map(|row| {
            let mut fields = fields(row);
            fields.insert("assay.command.id".to_owned(), json!(row.command_id));
            fields.insert("assay.actor".to_owned(), json!(row.actor));
            let trace = row.delivery_id.map(contract::ids::DeliveryId::from_uuid);
            audit::of_rows(
                action,
                &row.letter_id.to_string(),
                trace.map(contract::ids::DeliveryId::trace_id),
                fields,
                vec![row.covered()],
                now,
            )
        })
        .collect();
    audit_entry::append(conn, &entries).await
}
