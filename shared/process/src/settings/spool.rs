//! Owns the settings of webhook-ingest's spool: where deliveries wait while the queue is away.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// Bounds of the whole spool's size in bytes.
pub const SPOOL_BYTES: (u64, u64) = (4 * 1024, 1024 * 1024 * 1024 * 1024);
/// Bounds of one file's size in bytes; a file is read whole.
pub const SEGMENT_BYTES: (u64, u64) = (1024, 64 * 1024 * 1024);

/// `[ingest.spool]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spool {
    /// Folder of the spool, of one process's own.
    pub folder: PathBuf,
    /// Most bytes that its files may take on the disk.
    pub bytes_max: u64,
    /// Size from which on a file is closed and the next one begun, in bytes.
    pub segment_bytes_max: u64,
    /// Whether the folder outlives the process and its machine's restart. Without that promise
    /// there is no spool.
    pub persistent: bool,
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            folder: PathBuf::from(".assay/spool"),
            bytes_max: 1024 * 1024 * 1024,
            segment_bytes_max: 16 * 1024 * 1024,
            persistent: false,
        }
    }
}

impl Spool {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        check.folder("ingest.spool.folder", &self.folder)?;
        let (low, high) = SPOOL_BYTES;
        check.number("ingest.spool.bytes_max", self.bytes_max, low..=high)?;
        let (low, high) = SEGMENT_BYTES;
        let segment = self.segment_bytes_max;
        check.number("ingest.spool.segment_bytes_max", segment, low..=high)
    }
}
