//! Owns the order to run a verification again and to say whether it comes out as before.

use serde::{Deserialize, Serialize};

use crate::ids::{CommandId, VerificationId};
use crate::message::Message;
use crate::name::Actor;

/// Run this verification again from what is kept of it. Its attempt's result stays what it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReplayRequested {
    /// The command, whose outcome row the caller waits for.
    pub command: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// The verification.
    pub verification: VerificationId,
}

impl ReplayRequested {
    /// The kind's token in the subject.
    pub const TOKEN: &'static str = "replay";
}

impl Message for ReplayRequested {
    const KIND: &'static str = "dev.assay.replay.requested.v1";

    fn subject(&self) -> String {
        format!("assay.command.{}.{}", Self::TOKEN, self.actor)
    }

    fn message_id(&self) -> String {
        self.command.to_string()
    }
}
