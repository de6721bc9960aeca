//! Owns the folders of tools that labs may name: each is what its digest says, or it is not used.
//! Must never judge what a tool does: whoever allowed it has.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use contract::digest::Digest;
use contract::name::ToolName;
use process::settings::tools::Tool;
use serde_json::{Value, json};
use thiserror::Error;

pub mod content;

use content::Fingerprint;

/// Why a tool is not used.
#[derive(Debug, Error)]
pub enum ToolError {
    /// No such tool is allowed here.
    #[error("the lab names the tool {0}, which this verifier does not have")]
    Unknown(ToolName),
    /// It cannot be read.
    #[error("the tool {name} in {folder} cannot be read", folder = folder.display())]
    Unreadable {
        /// Its name.
        name: ToolName,
        /// Where it is.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else than was allowed.
    #[error("the tool {name} has changed: it is {found}, and {pinned} was allowed")]
    Changed {
        /// Its name.
        name: ToolName,
        /// What it is.
        found: Digest,
        /// What it should be.
        pinned: Digest,
    },
}

/// A tool that a box gets, as `/tools/<name>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mounted {
    /// Its name.
    pub name: ToolName,
    /// Where it is outside.
    pub folder: PathBuf,
    /// Whether it has a folder `bin`, in which commands are looked for.
    pub has_bin: bool,
}

/// The tools that are allowed.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    tools: Arc<BTreeMap<ToolName, Shelved>>,
}

#[derive(Debug)]
struct Shelved {
    folder: PathBuf,
    digest: Digest,
    /// How the folder looked when its content was read and found good.
    good: Mutex<Option<Fingerprint>>,
}

impl Shelf {
    /// Takes what the settings allow, and reads all of it.
    ///
    /// # Errors
    /// [`ToolError`]: the first tool that is not what the settings say.
    pub fn open(settings: &BTreeMap<ToolName, Tool>) -> Result<Self, ToolError> {
        let shelved = settings.iter().map(|(name, tool)| {
            let shelved = Shelved {
                folder: tool.folder.clone(),
                digest: tool.digest,
                good: Mutex::default(),
            };
            (name.clone(), shelved)
        });
        let tools = Arc::new(shelved.collect::<BTreeMap<_, _>>());
        for (name, shelved) in tools.iter() {
            shelved.check(name)?;
        }
        Ok(Self { tools })
    }

    /// The tools of these names, each looked at: where anything in its folder was touched since it
    /// was read, it is read again.
    ///
    /// # Errors
    /// [`ToolError`].
    pub fn take(&self, names: &[ToolName]) -> Result<Vec<Mounted>, ToolError> {
        let take = |name: &ToolName| {
            let shelved = self.tools.get(name);
            let shelved = shelved.ok_or_else(|| ToolError::Unknown(name.clone()))?;
            shelved.check(name)?;
            Ok(Mounted {
                name: name.clone(),
                folder: shelved.folder.clone(),
                has_bin: shelved.folder.join("bin").is_dir(),
            })
        };
        names.iter().map(take).collect()
    }

    /// These tools with their digests, for the record of a result.
    pub fn record(&self, names: &[ToolName]) -> Value {
        let digest = |name: &ToolName| self.tools.get(name).map(|shelved| shelved.digest);
        let named = names
            .iter()
            .map(|name| json!({ "name": name, "digest": digest(name) }));
        named.collect()
    }
}

impl Shelved {
    fn check(&self, name: &ToolName) -> Result<(), ToolError> {
        let unreadable = |source| ToolError::Unreadable {
            name: name.clone(),
            folder: self.folder.clone(),
            source,
        };
        // Held while it is read: the next run that wants it waits, and need not read it again.
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = content::fingerprint(&self.folder).map_err(unreadable)?;
        if good.as_ref() == Some(&looks) {
            return Ok(());
        }
        *good = None;
        let found = content::digest(&self.folder).map_err(unreadable)?;
        if found.digest != self.digest {
            return Err(ToolError::Changed {
                name: name.clone(),
                found: found.digest,
                pinned: self.digest,
            });
        }
        // What was touched while it was read shows at the next look.
        *good = Some(looks);
        Ok(())
    }
}

/// Where a box finds a tool.
pub fn inside(name: &ToolName) -> PathBuf {
    Path::new("/tools").join(name.as_str())
}
