//! Owns the settings of what the services do: how much at once, how long, and where.

use std::collections::BTreeMap;
use std::path::PathBuf;

use contract::name::ToolName;
use serde::{Deserialize, Serialize};

use crate::settings::bucket::Bucket;
use crate::settings::check::Check;
use crate::settings::error::SettingsError;
use crate::settings::spool::Spool;
use crate::settings::tools::Tool;

/// Most messages of one atomic batch: the server's own limit.
pub const BATCH_MESSAGES_MAX: usize = 1_000;
/// Most atomic batches of one stream at once: the server's own limit.
pub const BATCHES_IN_FLIGHT_MAX: usize = 50;
/// Most deliveries of one transaction.
pub const BATCH_DELIVERIES_MAX: usize = 1_000;
/// Bounds of a body's size in bytes.
pub const BODY_BYTES: (usize, usize) = (1_024, 100 * 1024 * 1024);
/// Bounds of what all bodies together may take, in bytes.
pub const MEMORY_BYTES: (usize, usize) = (16 * 1024 * 1024, 64 * 1024 * 1024 * 1024);
/// What all bodies together may take is at least so many times the largest one: it is read,
/// compressed beside itself, and leaves room for small ones.
pub const MEMORY_BODIES_MIN: usize = 3;

/// `[ingest]`: webhook-ingest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ingest {
    /// Largest body, in bytes; a larger one is answered 413.
    pub body_bytes_max: usize,
    /// How long a body may take to arrive, in seconds; a slower one is answered 408.
    pub body_seconds_max: u64,
    /// What all bodies together may take while they are read, compressed and published, in bytes;
    /// beyond it the answer is 503.
    pub memory_bytes_max: usize,
    /// Most deliveries that are published as one atomic batch.
    pub batch_messages_max: usize,
    /// Most batches that await the server's ack at once.
    pub batches_in_flight_max: usize,
    /// How long after the stop signal requests are still taken, while `/ready` says 503 and every
    /// answer closes its connection, in seconds: longer than a load balancer takes to notice.
    pub grace_seconds: u64,
    /// How long after that the requests that are held may take, in seconds.
    pub drain_seconds: u64,
    /// Where deliveries wait while the queue is away.
    pub spool: Spool,
}

impl Default for Ingest {
    fn default() -> Self {
        Self {
            body_bytes_max: 25 * 1024 * 1024,
            body_seconds_max: 30,
            memory_bytes_max: 256 * 1024 * 1024,
            batch_messages_max: 1_000,
            // The server stores one after the other; what waits meanwhile makes the next one larger.
            batches_in_flight_max: 1,
            grace_seconds: 0,
            drain_seconds: 20,
            spool: Spool::default(),
        }
    }
}

impl Ingest {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        let (low, high) = BODY_BYTES;
        check.number("ingest.body_bytes_max", self.body_bytes_max, low..=high)?;
        check.number("ingest.body_seconds_max", self.body_seconds_max, 1..=600)?;
        let (low, high) = MEMORY_BYTES;
        let low = low.max(MEMORY_BODIES_MIN * self.body_bytes_max);
        check.number("ingest.memory_bytes_max", self.memory_bytes_max, low..=high)?;
        let batch = self.batch_messages_max;
        check.number("ingest.batch_messages_max", batch, 1..=BATCH_MESSAGES_MAX)?;
        let batches = self.batches_in_flight_max;
        check.number(
            "ingest.batches_in_flight_max",
            batches,
            1..=BATCHES_IN_FLIGHT_MAX,
        )?;
        check.number("ingest.grace_seconds", self.grace_seconds, 0..=600)?;
        check.number("ingest.drain_seconds", self.drain_seconds, 1..=600)?;
        self.spool.check(check)
    }
}

/// `[writer]`: attempt-writer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Writer {
    /// Most deliveries that are written at one time, in up to three transactions.
    pub batch_deliveries_max: usize,
    /// Between two looks for work that is in no queue any more, in seconds.
    pub lost_every_seconds: u64,
    /// How long work may be neither finished nor in the queue before it is asked for again, in
    /// seconds.
    pub lost_after_seconds: u64,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            // More are hardly faster, and take more memory.
            batch_deliveries_max: 375,
            lost_every_seconds: 60,
            // Beyond the window in which the queue takes a message for a copy of the first.
            lost_after_seconds: 180,
        }
    }
}

impl Writer {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        let batch = self.batch_deliveries_max;
        check.number(
            "writer.batch_deliveries_max",
            batch,
            1..=BATCH_DELIVERIES_MAX,
        )?;
        let every = self.lost_every_seconds;
        check.number("writer.lost_every_seconds", every, 1..=86_400)?;
        let after = self.lost_after_seconds;
        check.number("writer.lost_after_seconds", after, 1..=86_400)
    }
}

/// `[verifier]`: verifier.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Verifier {
    /// Folder in which trees are rebuilt for their run; emptied at start.
    pub scratch_folder: PathBuf,
    /// How many runs of pushes at once; without it, as many as the machine has cores and memory
    /// for. Work that can wait has one more, and what of these is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<usize>,
    /// Memory that all runs together may take, in MiB, counted by what their labs allow them;
    /// without it, four fifths of what the machine has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
    /// The control group in which each box gets its own, counted from the hierarchies' roots;
    /// without it, the one that the verifier itself is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_group: Option<PathBuf>,
    /// Lets labs be published, and verified, whose executor is `none`: nothing of them is fetched or
    /// run, and every result is `unchecked`. For load tests.
    pub allow_executor_none: bool,
    /// Folders that labs may name, by the names that labs call them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<ToolName, Tool>,
    /// Runs strangers' code even where the machine cannot enforce every limit. For trials on a
    /// machine that nobody else needs.
    pub dangerously_run_without_limits: bool,
}

impl Default for Verifier {
    fn default() -> Self {
        Self {
            scratch_folder: PathBuf::from(".assay/scratch"),
            slots: None,
            memory_mib: None,
            control_group: None,
            allow_executor_none: false,
            tools: BTreeMap::new(),
            dangerously_run_without_limits: false,
        }
    }
}

impl Verifier {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        check.folder("verifier.scratch_folder", &self.scratch_folder)?;
        if let Some(group) = &self.control_group {
            check.folder("verifier.control_group", group)?;
        }
        for (name, tool) in &self.tools {
            tool.check(name, check)?;
        }
        if let Some(memory) = self.memory_mib {
            check.number("verifier.memory_mib", memory, 32..=16_777_216)?;
        }
        match self.slots {
            Some(slots) => check.number("verifier.slots", slots, 1..=256),
            None => Ok(()),
        }
    }
}

/// `[objects]`: the object store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Objects {
    /// Folder of the objects.
    pub folder: PathBuf,
    /// The bucket that holds them instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3: Option<Bucket>,
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            folder: PathBuf::from(".assay/objects"),
            s3: None,
        }
    }
}

impl Objects {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        if let Some(s3) = &self.s3 {
            return s3.check(check);
        }
        check.folder("objects.folder", &self.folder)
    }
}
