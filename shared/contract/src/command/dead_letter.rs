//! Owns the commands about dead letters: send them back, or let them be.

use serde::{Deserialize, Serialize};

use crate::ids::{CommandId, DeadLetterId};
use crate::message::Message;
use crate::name::Actor;

/// Most letters in one command.
pub const LETTERS_MAX: usize = 500;
/// Longest reason that is taken, in characters.
pub const REASON_CHARS_MAX: usize = 1_000;

/// Send dead messages back to their queues, each with a new message id. They leave `DEAD`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeadSendBackRequested {
    /// The command, whose outcome row the caller waits for.
    pub command: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// Which letters, at most [`LETTERS_MAX`].
    pub letters: Vec<DeadLetterId>,
    /// Why, for the record.
    pub reason: String,
}

impl DeadSendBackRequested {
    /// The kind's token in the subject.
    pub const TOKEN: &'static str = "dead-send-back";
}

impl Message for DeadSendBackRequested {
    const KIND: &'static str = "dev.assay.dead-letter.send-back-requested.v1";

    fn subject(&self) -> String {
        format!("assay.command.{}.{}", Self::TOKEN, self.actor)
    }

    fn message_id(&self) -> String {
        self.command.to_string()
    }
}

/// Decide that dead messages stay dead. Their bytes are removed from `DEAD`; their rows stay.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeadDiscardRequested {
    /// The command, whose outcome row the caller waits for.
    pub command: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// Which letters, at most [`LETTERS_MAX`].
    pub letters: Vec<DeadLetterId>,
    /// Why, for the record.
    pub reason: String,
}

impl DeadDiscardRequested {
    /// The kind's token in the subject.
    pub const TOKEN: &'static str = "dead-discard";
}

impl Message for DeadDiscardRequested {
    const KIND: &'static str = "dev.assay.dead-letter.discard-requested.v1";

    fn subject(&self) -> String {
        format!("assay.command.{}.{}", Self::TOKEN, self.actor)
    }

    fn message_id(&self) -> String {
        self.command.to_string()
    }
}
