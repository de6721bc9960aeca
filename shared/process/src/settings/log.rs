//! Owns the settings of the signed log: its name and its keys, by the files that hold them.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// Longest origin of a log, in bytes.
pub const ORIGIN_BYTES_MAX: usize = 128;

/// `[log]`: the tamper-evident log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The log's name in its checkpoints: a URL without its scheme, which nobody else uses.
    pub origin: String,
    /// The file with the key that signs checkpoints; only the auditor needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key_file: Option<PathBuf>,
    /// The file with the key that is to follow: the auditor then changes to it through a leaf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_signing_key_file: Option<PathBuf>,
    /// The key that checks them, as a note's verifier key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifier_key: Option<String>,
    /// A file with the key that checks them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifier_key_file: Option<PathBuf>,
    /// Where the auditor serves the published log, `GET /log/<epoch>/…`; nowhere when it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            origin: "assay.localhost/log".to_owned(),
            signing_key_file: None,
            next_signing_key_file: None,
            verifier_key: None,
            verifier_key_file: None,
            listen: None,
        }
    }
}

impl Log {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        // A note's key name holds neither white space nor a plus sign (C2SP signed-note).
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
        let fits = (1..=ORIGIN_BYTES_MAX).contains(&self.origin.len());
        if !fits || !self.origin.chars().all(plain) {
            let reason = format!("expected 1 to {ORIGIN_BYTES_MAX} bytes without white space or +");
            return Err(check.refused("log.origin", reason));
        }
        if self.verifier_key.is_some() && self.verifier_key_file.is_some() {
            let reason = "is set beside log.verifier_key_file; expected one of them";
            return Err(check.refused("log.verifier_key", reason));
        }
        Ok(())
    }
}
