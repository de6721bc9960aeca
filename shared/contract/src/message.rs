//! Owns what every message has: its kind, its subject, its id. Nobody else spells a subject.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// A message: it knows where it goes and what makes it once.
pub trait Message: Serialize + DeserializeOwned + Send + Sync {
    /// The kind with its version, as `ce-type`. A new meaning is a new kind.
    const KIND: &'static str;

    /// The subject it is published under.
    fn subject(&self) -> String;

    /// The id that makes it once, derived from content, so that a resend is the same message.
    fn message_id(&self) -> String;
}

/// Which queue carries a piece of work: pushes as they happen, or work that can wait.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// A learner is waiting for it.
    #[default]
    Live,
    /// Reprocessing and regression runs: uses what the live lane leaves.
    Bulk,
}

impl Lane {
    /// Both lanes, the one that goes first first.
    pub const ALL: [Self; 2] = [Self::Live, Self::Bulk];

    /// The token in subjects and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no member of the set it was read for.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is none of the words known here")]
pub struct UnknownWord(pub String);

impl FromStr for Lane {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|lane| lane.as_str() == text)
            .ok_or_else(|| UnknownWord(text.to_owned()))
    }
}
