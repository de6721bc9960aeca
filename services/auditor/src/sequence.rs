//! Owns one step of the log: what waits gets its leaves, the head moves, a checkpoint is signed,
//! all in one transaction.

use std::sync::Arc;

use contract::time::{self, Timestamp};
use metrics::{counter, gauge, histogram};
use objects::store::ObjectsError;
use store::error::StoreError;
use store::log_checkpoint::CheckpointRow;
use store::log_step::{self, Step, WaitingRow};
use store::pool::Dedicated;
use thiserror::Error;
use tokio::time::Instant;
use tracing::{Span, error, info, info_span};
use uuid::Uuid;

use crate::batch::{BATCH_MAX, Batch, checkpoint_is_due};
use crate::head::{Blocked, Head, bytes, column};
use crate::keys::CannotSign;
use crate::lead::STEP_SECS_MAX;
use crate::publish::PublishError;
use crate::recent::Recent;
use crate::signer::Signer;

/// The log in the hands of its leader.
pub(crate) struct Sequencer {
    pub(crate) conn: Dedicated,
    pub(crate) head: Head,
    /// The leaves that were added last, for those who tell and publish them.
    pub(crate) recent: Arc<Recent>,
    /// When this process last signed.
    pub(crate) signed_at: Option<Instant>,
}

/// Why the leader cannot go on leading.
#[derive(Debug, Error)]
pub(crate) enum StepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Blocked(#[from] Blocked),
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    #[error("another auditor moved the log's head")]
    Deposed,
    #[error("the database did not answer in {STEP_SECS_MAX} s")]
    TooLong,
}

impl From<PublishError> for StepError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Store(error) => Self::Store(error),
            PublishError::Objects(error) => Self::Objects(error),
            PublishError::Blocked(blocked) => Self::Blocked(blocked),
        }
    }
}

/// What a step did.
#[derive(Debug)]
pub(crate) struct Stepped {
    /// How many entries became leaves.
    pub(crate) leaves: usize,
    /// Whether entries may still wait.
    pub(crate) more: bool,
    /// Why nothing was signed although a checkpoint was due.
    pub(crate) unsigned: Option<CannotSign>,
}

impl Sequencer {
    /// Takes one step. `last` is the last one before the process leaves: it signs what is there.
    pub(crate) async fn step(
        &mut self,
        signer: Option<&mut Signer>,
        last: bool,
    ) -> Result<Stepped, StepError> {
        let waiting = log_step::waiting(&mut self.conn, column(BATCH_MAX as u64)).await?;
        let more = waiting.len() == BATCH_MAX;
        let at = time::now();
        let spans = leaf_spans(&waiting);
        let batch = Batch::plan(&self.head, waiting, at);
        let since = self.signed_at.map(|then| then.elapsed());
        let due = batch.head.is_unsigned() && (last || checkpoint_is_due(since));
        let by = signer.as_deref().filter(|_| due);
        let (checkpoint, unsigned) = match by.map(|signer| sign(signer, &batch, at)) {
            Some(Ok(row)) => (Some(row), None),
            Some(Err(reason)) => (None, Some(reason)),
            None => (None, None),
        };
        let leaves = batch.leaves.len();
        if leaves > 0 || checkpoint.is_some() {
            self.commit(&batch, checkpoint.as_ref(), at).await?;
            let signed = checkpoint.as_ref().map(|_| batch.head.tree.size());
            if let Some(signer) = signer
                && signer.committed(batch.leaves.iter().map(|row| &row.leaf), signed)
            {
                info!(
                    "the log is signed by the key {} from now on",
                    signer.key().as_str()
                );
            }
            for (span, row) in spans.iter().zip(&batch.leaves) {
                span.record("leaf.index", row.leaf.leaf_index);
            }
            self.released(batch, checkpoint.is_some());
        }
        Ok(Stepped {
            leaves,
            more,
            unsigned,
        })
    }

    async fn commit(
        &mut self,
        batch: &Batch,
        checkpoint: Option<&CheckpointRow>,
        at: Timestamp,
    ) -> Result<(), StepError> {
        let leaves = batch.leaves.iter().map(|row| &row.leaf);
        let entries: Vec<Uuid> = leaves.clone().map(|leaf| leaf.audit_entry_id).collect();
        let hashes: Vec<&[u8]> = leaves.map(|leaf| leaf.leaf_hash.as_slice()).collect();
        let step = Step {
            old: &self.head.row(),
            new: &batch.head.row(),
            entries: &entries,
            hashes: &hashes,
            note: checkpoint.map(|row| row.note.as_str()),
            signed: column(self.head.signed),
            at,
        };
        let taken = log_step::take(&mut self.conn, &step).await?;
        if taken.moved {
            return Ok(());
        }
        let (ours, found) = (self.head.signed, taken.newest);
        if checkpoint.is_some() && found != column(ours) {
            return Err(Blocked::CheckpointBeside { ours, found }.into());
        }
        Err(StepError::Deposed)
    }

    /// What the world may know now that it is committed.
    fn released(&mut self, batch: Batch, signed: bool) {
        counter!("assay_log_leaves_total").increment(batch.leaves.len() as u64);
        for delay in &batch.delays {
            histogram!("assay_log_leaf_delay_seconds").record(delay.as_secs_f64());
        }
        for entry in &batch.altered {
            counter!("assay_log_altered_entries_total").increment(1);
            error!(audit_entry.id = %entry, "entry {entry} was altered before it was logged");
        }
        self.recent.push(batch.leaves);
        self.head = batch.head;
        if signed {
            self.head.signed = self.head.tree.size();
            self.signed_at = Some(Instant::now());
            counter!("assay_log_checkpoints_total").increment(1);
        }
        self.show();
    }

    /// Shows how far the log goes.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a gauge of more than 2^53 leaves may round"
    )]
    pub(crate) fn show(&self) {
        gauge!("assay_log_size").set(self.head.tree.size() as f64);
        gauge!("assay_log_checkpoint_size").set(self.head.signed as f64);
        let unsigned = self.head.tree.size() - self.head.signed;
        gauge!("assay_log_unsigned").set(unsigned as f64);
        gauge!("assay_log_epoch").set(self.head.epoch as f64);
    }
}

fn sign(signer: &Signer, batch: &Batch, at: Timestamp) -> Result<CheckpointRow, CannotSign> {
    let checkpoint = batch.head.checkpoint();
    Ok(CheckpointRow {
        note: signer.sign(&checkpoint)?,
        tree_size: column(checkpoint.size),
        root_hash: bytes(checkpoint.root),
        origin: checkpoint.origin,
        recorded_at: at,
    })
}

/// A span for each entry, in the trace that it was written in, so that the trace ends at the leaf;
/// none for an entry without a trace. They live until the commit: a leaf that was not committed has
/// a span without a place.
fn leaf_spans(waiting: &[WaitingRow]) -> Vec<Span> {
    let traced = |row: &WaitingRow| {
        let Some(parent) = row.traceparent.as_deref() else {
            return Span::none();
        };
        let span = info_span!(
            parent: None,
            "auditor.leaf",
            audit_entry.id = %row.audit_entry_id,
            leaf.index = tracing::field::Empty,
        );
        bus::trace::set_parent_from(&span, parent);
        span
    };
    waiting.iter().map(traced).collect()
}
