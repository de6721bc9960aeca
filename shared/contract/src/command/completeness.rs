//! Owns the order to accept a hole of completeness: a delivery that was accepted, is nowhere, and
//! cannot be had again. It goes to the service that carries out the other orders about what is kept.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::command::privacy::PrivacyOrdered;
use crate::ids::CommandId;
use crate::message::Message;
use crate::name::Actor;

/// Accept a hole: its alarm ends, and it is listed for ever.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HoleAcceptRequested {
    /// The command, whose outcome row the caller waits for.
    pub command: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// The delivery that is missing; with a number, the lane.
    pub id: Uuid,
    /// The hole's number in its lane; without it, every hole of the delivery.
    pub number: Option<u64>,
    /// Why, for the record.
    pub reason: String,
}

impl HoleAcceptRequested {
    /// The word in rows.
    pub const NAME: &'static str = "hole-accept";
}

impl Message for HoleAcceptRequested {
    const KIND: &'static str = "dev.assay.completeness.accept-requested.v1";

    fn subject(&self) -> String {
        format!("assay.command.{}.{}", PrivacyOrdered::TOKEN, self.actor)
    }

    fn message_id(&self) -> String {
        self.command.to_string()
    }
}
