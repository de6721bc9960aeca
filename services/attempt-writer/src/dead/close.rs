//! Owns the commands about dead letters: sent back to their queues, or left dead by decision. Each
//! letter is closed once, and leaves `DEAD` when that is written; what became of a command is its
//! row.

use std::time::Duration;

use bus::consume::{Handler, Outcome};
use bus::error::TopologyError;
use bus::incoming::Incoming;
use bus::letter::DeadLetter;
use bus::topology::STREAMS;
use contract::command::dead_letter::{DeadDiscardRequested, DeadSendBackRequested};
use contract::ids::{CommandId, DeadLetterId};
use contract::message::Message;
use service::ground::Ground;
use store::dead_letter::{self, DISCARDED, DeadLetterRow, SENT_BACK};
use store::error::StoreError;

use crate::dead::decide::{Asked, Verdict, record, sort};

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
        settled(self.carry_out(&asked).await)
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
        settled(self.carry_out(&asked).await)
    }
}

impl Discard {
    async fn carry_out(&self, asked: &Asked<'_>) -> Result<(), Outcome> {
        let refused = |error: StoreError| self.ground.ledger_refused(&error);
        let verdict = sort(&self.ground, asked).await.map_err(refused)?;
        if let Verdict::Open(sorted) = verdict {
            record(&self.ground, asked, sorted).await.map_err(refused)?;
        }
        remove(&self.ground, asked.command).await
    }
}

impl SendBack {
    async fn carry_out(&self, asked: &Asked<'_>) -> Result<(), Outcome> {
        let refused = |error: StoreError| self.ground.ledger_refused(&error);
        let verdict = sort(&self.ground, asked).await.map_err(refused)?;
        if let Verdict::Open(mut sorted) = verdict {
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
            record(&self.ground, asked, sorted).await.map_err(refused)?;
        }
        remove(&self.ground, asked.command).await
    }

    /// Publishes the dead message to its queue again, under an id that the command gives it: the
    /// command delivered twice sends it back once. Says why not, where that can never be done.
    async fn publish(
        &self,
        command: CommandId,
        row: &DeadLetterRow,
    ) -> Result<Result<(), String>, Outcome> {
        let found = self.ground.bus.dead_letter(place(row)).await;
        let found = found.map_err(|error| away(&error))?;
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

/// Takes the letters that a command closed out of `DEAD`, so that there is room for others. Runs
/// again when the command comes again, because a crash may have come between the commit and this.
async fn remove(ground: &Ground, command: CommandId) -> Result<(), Outcome> {
    let closed = async {
        let mut conn = ground.store.connection().await?;
        dead_letter::closed_by(&mut conn, command.as_uuid()).await
    };
    let closed = closed
        .await
        .map_err(|error| ground.ledger_refused(&error))?;
    for row in closed {
        let id = DeadLetterId::from_uuid(row.letter_id);
        let removed = ground.bus.remove_dead_letter(place(&row), id).await;
        removed.map_err(|error| away(&error))?;
    }
    Ok(())
}

/// Where a letter's bytes are in `DEAD`; 0, where nothing is, if nobody knows.
fn place(row: &DeadLetterRow) -> u64 {
    let place = row
        .dead_sequence
        .and_then(|place| u64::try_from(place).ok());
    place.unwrap_or(0)
}

fn away(error: &TopologyError) -> Outcome {
    tracing::warn!(%error, "look for a dead letter");
    Outcome::Later(Duration::from_secs(LOOK_RETRY_SECS))
}

fn settled(carried_out: Result<(), Outcome>) -> Outcome {
    carried_out.err().unwrap_or(Outcome::Done)
}
