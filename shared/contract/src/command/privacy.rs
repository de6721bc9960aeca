//! Owns the orders about people and about what is kept of them. Must never name anybody: people are
//! their pseudonyms' ids, since an order is kept for ever.

use serde::{Deserialize, Serialize};

use crate::ids::{CommandId, PrincipalId};
use crate::message::Message;
use crate::name::Actor;

/// Longest reason that is taken, in characters.
pub const REASON_CHARS_MAX: usize = 1_000;
/// Most people that one order names.
pub const PEOPLE_MAX: usize = 100;

/// The token of all these orders in their subjects: one service carries them out, one after the
/// other, so that a hold and an erasure never pass each other.
const TOKEN: &str = "privacy";

/// What is to be done about people.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrivacyOrder {
    /// Somebody is about to read what is held of them.
    Export,
    /// Destroy their keys, and everything that is theirs.
    Erase,
    /// Let nothing of theirs be erased or expire.
    Hold,
    /// End such a hold.
    Release,
}

impl PrivacyOrder {
    /// The word in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Erase => "erase",
            Self::Hold => "hold",
            Self::Release => "release",
        }
    }
}

/// Do something about people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PrivacyOrdered {
    /// The command, whose outcome row the caller waits for.
    pub command: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// What for.
    pub order: PrivacyOrder,
    /// Whom it is about, at most [`PEOPLE_MAX`].
    pub people: Vec<PrincipalId>,
    /// Why, for the record.
    pub reason: String,
    /// Only say what would be done.
    #[serde(default)]
    pub plan: bool,
}

impl PrivacyOrdered {
    /// The kind's token in the subject.
    pub const TOKEN: &'static str = TOKEN;
}

impl Message for PrivacyOrdered {
    const KIND: &'static str = "dev.assay.privacy.ordered.v1";

    fn subject(&self) -> String {
        format!("assay.command.{TOKEN}.{}", self.actor)
    }

    fn message_id(&self) -> String {
        self.command.to_string()
    }
}

/// Remove what the rules of retention say is over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RetentionRequested {
    /// The command, whose outcome row the caller waits for.
    pub command: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// Why, for the record.
    pub reason: String,
    /// Only say what would go.
    #[serde(default)]
    pub plan: bool,
}

impl RetentionRequested {
    /// The word in rows.
    pub const NAME: &'static str = "retention";
}

impl Message for RetentionRequested {
    const KIND: &'static str = "dev.assay.retention.requested.v1";

    fn subject(&self) -> String {
        format!("assay.command.{TOKEN}.{}", self.actor)
    }

    fn message_id(&self) -> String {
        self.command.to_string()
    }
}

/// Wrap people's keys anew, by the settings' first master key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RewrapRequested {
    /// The command, whose outcome row the caller waits for.
    pub command: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// Why, for the record.
    pub reason: String,
}

impl RewrapRequested {
    /// The word in rows.
    pub const NAME: &'static str = "rewrap";
}

impl Message for RewrapRequested {
    const KIND: &'static str = "dev.assay.keys.rewrap-requested.v1";

    fn subject(&self) -> String {
        format!("assay.command.{TOKEN}.{}", self.actor)
    }

    fn message_id(&self) -> String {
        self.command.to_string()
    }
}
