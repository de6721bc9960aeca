//! Owns the question whose signatures count: the pinned key's, and those of keys that it, or one
//! that it led to, vouched for in the log.

use tlog::checkpoint::{self, Checkpoint};
use tlog::epoch;
use tlog::key::VerifyingKey;
use tlog::key_change::{self, KeyChangeError};

use crate::pinned::{Pinned, altered, open};
use crate::verdict::{Finding, Tampered, Untrusted};

/// The keys that count, by the log's own name, the oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    base: String,
    keys: Vec<VerifyingKey>,
}

/// A checkpoint that was read, whether or not its key is known yet.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    note: String,
    said: Checkpoint,
}

impl Signed {
    pub(crate) const fn said(&self) -> &Checkpoint {
        &self.said
    }
}

impl Trust {
    pub(crate) fn new(pinned: &Pinned) -> Self {
        // A key may be pinned under the name of a later epoch.
        let key = pinned.key.renamed(&pinned.origin);
        Self {
            base: pinned.origin.clone(),
            keys: vec![key.unwrap_or_else(|_| pinned.key.clone())],
        }
    }

    /// How often the key was changed.
    pub(crate) fn changes(&self) -> u64 {
        self.keys.len() as u64 - 1
    }

    /// The newest key that counts.
    pub(crate) fn newest(&self) -> &str {
        self.keys.last().map_or("", VerifyingKey::as_str)
    }

    /// Reads an epoch's checkpoint. Another key than those that are known may have signed it: the
    /// log's own leaves can lead to it.
    pub(crate) fn read(&self, note: &str, number: u64, place: &str) -> Result<Signed, Finding> {
        let expected = epoch::origin(&self.base, number);
        let signed = match self.open(note, &expected, place) {
            Ok(said) => Signed {
                note: note.to_owned(),
                said,
            },
            Err(Finding::Untrusted(Untrusted::OtherKey(_))) => Signed {
                note: note.to_owned(),
                said: checkpoint::said(note).map_err(|error| altered(place, &error))?,
            },
            Err(other) => return Err(other),
        };
        if signed.said.origin != expected {
            let found = signed.said.origin;
            return Err(Untrusted::OtherLog { expected, found }.into());
        }
        Ok(signed)
    }

    /// What a kept checkpoint says, whoever signed it.
    pub(crate) fn kept(note: &str, place: &str) -> Result<Checkpoint, Finding> {
        checkpoint::said(note).map_err(|error| altered(place, &error))
    }

    /// Whether a checkpoint is signed by a key that counts by now.
    pub(crate) fn settle(&self, note: &str, origin: &str, place: &str) -> Result<(), Finding> {
        self.open(note, origin, place).map(drop)
    }

    /// The same of one that was read here.
    pub(crate) fn settle_read(&self, signed: &Signed, place: &str) -> Result<(), Finding> {
        self.settle(&signed.note, &signed.said.origin, place)
    }

    fn open(&self, note: &str, origin: &str, place: &str) -> Result<Checkpoint, Finding> {
        let mut refused = Finding::from(Untrusted::OtherKey(place.to_owned()));
        for key in self.keys.iter().rev() {
            let Ok(key) = key.renamed(origin) else {
                continue;
            };
            match open(note, &key, place) {
                Err(error @ Finding::Untrusted(Untrusted::OtherKey(_))) => refused = error,
                opened => return opened,
            }
        }
        Err(refused)
    }

    /// Hears of a change of the key. One by a key that does not count changes nothing.
    pub(crate) fn hear(&mut self, epoch: u64, leaf: u64, change: &str) -> Result<(), Tampered> {
        for key in self.keys.iter().rev() {
            match key_change::open(change, key) {
                Ok(new) if self.keys.iter().any(|known| known.as_str() == new.as_str()) => {
                    return Ok(());
                }
                Ok(new) => {
                    self.keys.push(new);
                    return Ok(());
                }
                Err(KeyChangeError::OtherKey(_)) => {}
                Err(error) => {
                    let reason = error.to_string();
                    return Err(Tampered::Key {
                        epoch,
                        leaf,
                        reason,
                    });
                }
            }
        }
        Ok(())
    }
}
