//! Owns the settings of tool folders: what a lab's checks may find beside the system.

use std::path::PathBuf;

use contract::digest::Digest;
use contract::name::ToolName;
use serde::{Deserialize, Serialize};

use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// `[verifier.tools.<name>]`: a folder that labs may name, and every box of theirs may read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// The folder, by its full path.
    pub folder: PathBuf,
    /// What `assay tools digest <folder>` says of it.
    pub digest: Digest,
}

impl Tool {
    pub(crate) fn check(&self, name: &ToolName, check: &Check<'_>) -> Result<(), SettingsError> {
        let setting = format!("verifier.tools.{name}.folder");
        if !self.folder.is_absolute() {
            return Err(check.refused(&setting, "expected a full path"));
        }
        Ok(())
    }
}
