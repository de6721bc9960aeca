//! Owns what was pinned, and the opening of a checkpoint by it.

use tlog::checkpoint::{self, Checkpoint, CheckpointError};
use tlog::epoch;
use tlog::key::VerifyingKey;

use crate::verdict::{Finding, Missing, Tampered, Untrusted};

/// What whoever checks has known from elsewhere and before.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// The log's own name: that of its first epoch.
    pub origin: String,
    /// The key that it is to be signed by.
    pub key: VerifyingKey,
}

impl Pinned {
    /// Pins a key, and the name of the log that it is for.
    ///
    /// # Errors
    /// [`Untrusted::OtherLog`] if the key is for another log.
    pub fn new(origin: &str, key: VerifyingKey) -> Result<Self, Finding> {
        if epoch::number(origin, key.origin()).is_none() {
            return Err(Untrusted::OtherLog {
                expected: origin.to_owned(),
                found: key.origin().to_owned(),
            }
            .into());
        }
        Ok(Self {
            origin: origin.to_owned(),
            key,
        })
    }

    /// Opens a checkpoint of any epoch of the log.
    pub(crate) fn open_any(&self, note: &str, place: &str) -> Result<Checkpoint, Finding> {
        if !is_whole(note) {
            return Err(Missing::EndOf(place.to_owned()).into());
        }
        let said = checkpoint::said(note).map_err(|error| altered(place, &error))?;
        let renamed = epoch::number(&self.origin, &said.origin)
            .and_then(|_| self.key.renamed(&said.origin).ok());
        let Some(key) = renamed else {
            return Err(Untrusted::OtherLog {
                expected: self.origin.clone(),
                found: said.origin,
            }
            .into());
        };
        open(note, &key, place)
    }
}

/// Opens a checkpoint by a key; `place` says in errors where it was found.
pub(crate) fn open(note: &str, key: &VerifyingKey, place: &str) -> Result<Checkpoint, Finding> {
    if !is_whole(note) {
        return Err(Missing::EndOf(place.to_owned()).into());
    }
    checkpoint::open(note, key).map_err(|error| match error {
        CheckpointError::OtherKey { .. } => Untrusted::OtherKey(place.to_owned()).into(),
        CheckpointError::OtherOrigin { expected, found } => {
            Untrusted::OtherLog { expected, found }.into()
        }
        error => altered(place, &error),
    })
}

pub(crate) fn altered(place: &str, error: &CheckpointError) -> Finding {
    Tampered::Checkpoint {
        place: place.to_owned(),
        reason: error.to_string(),
    }
    .into()
}

/// Whether a signed note goes on to the end of a signature's line: one that was cut does not.
fn is_whole(note: &str) -> bool {
    note.ends_with('\n') && note.contains("\n\n\u{2014} ")
}
