//! Owns the leaves that tie a log's epochs and keys to each other: `log.epoch` and `log.key`.

use serde::Deserialize;
use tlog::checkpoint::Checkpoint;
use tlog::walk::Mark;

use crate::verdict::Tampered;

/// The action of the first leaf of an epoch that follows another.
const EPOCH: &str = "log.epoch";
/// The action of a leaf that changes the key.
const KEY: &str = "log.key";

/// What an epoch says it follows: the last checkpoint of the one before that was known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Follows {
    said: Checkpoint,
}

/// The fields of such leaves.
#[derive(Deserialize)]
struct Text {
    #[serde(rename = "event.action")]
    action: String,
    #[serde(rename = "assay.log.previous.origin")]
    origin: Option<String>,
    #[serde(rename = "assay.log.previous.size")]
    size: Option<u64>,
    #[serde(rename = "assay.log.previous.root")]
    root: Option<String>,
    #[serde(rename = "assay.log.key_change")]
    key_change: Option<String>,
}

impl Follows {
    /// How many leaves of the epoch before were known.
    pub(crate) const fn size(&self) -> u64 {
        self.said.size
    }

    /// What the epoch before must have been at that size.
    pub(crate) fn mark(&self, epoch: u64) -> Mark {
        Mark {
            size: self.said.size,
            root: self.said.root,
            name: format!("what epoch {epoch} says it follows"),
        }
    }
}

/// Reads an entry, if it is of this action. Nearly every entry is another, and not worth parsing.
fn read(entry: &[u8], action: &str) -> Option<Text> {
    let text = str::from_utf8(entry).ok()?;
    let text: Text = text
        .contains(action)
        .then(|| serde_json::from_str(text).ok())??;
    (text.action == action).then_some(text)
}

/// What the first leaf of an epoch says it follows; `None` where it does not say.
pub(crate) fn follows(entry: &[u8]) -> Option<Follows> {
    let text = read(entry, EPOCH)?;
    let said = Checkpoint {
        origin: text.origin?,
        size: text.size?,
        root: text.root?.parse().ok()?,
    };
    Some(Follows { said })
}

/// Checks that the first leaf of an epoch ties it to the one before.
pub(crate) fn check(entry: &[u8], before: &str, epoch: u64) -> Result<(), Tampered> {
    let wrong = |reason: String| Tampered::Link { epoch, reason };
    let follows =
        follows(entry).ok_or_else(|| wrong("it ties the epoch to no other".to_owned()))?;
    let origin = follows.said.origin;
    if origin == before {
        return Ok(());
    }
    Err(wrong(format!(
        "it follows {origin:?}, and the epoch before is {before:?}"
    )))
}

/// The note by which a leaf changes the key, if it does.
pub(crate) fn key_change(entry: &[u8]) -> Option<String> {
    read(entry, KEY)?.key_change
}
