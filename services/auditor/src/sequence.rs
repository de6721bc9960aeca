//! Owns one step of the log: what waits gets its leaves, the head moves, a checkpoint is signed,
//! all in one transaction.

use std::collections::HashMap;

use contract::time::{self, Timestamp};
use metrics::{counter, gauge, histogram};
use objects::store::ObjectsError;
use store::error::StoreError;
use store::log_checkpoint::{self, CheckpointRow};
use store::pool::Dedicated;
use store::{audit_entry, ledger_leaf, ledger_pending, log_head, transaction};
use thiserror::Error;
use tokio::time::Instant;
use tracing::{Span, error, info, info_span};
use uuid::Uuid;

use crate::batch::{BATCH_MAX, Batch, checkpoint_is_due};
use crate::head::{Blocked, Head, bytes, column};
use crate::keys::CannotSign;
use crate::lead::STEP_SECS_MAX;
use crate::publish::PublishError;
use crate::signer::Signer;

/// The log in the hands of its leader.
pub(crate) struct Sequencer {
    pub(crate) conn: Dedicated,
    pub(crate) head: Head,
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

/// How the transaction came out; all but `Committed` left nothing behind.
enum Outcome {
    Committed,
    Deposed,
    Beside(i64),
}

impl Sequencer {
    /// Takes one step. `last` is the last one before the process leaves: it signs what is there.
    pub(crate) async fn step(
        &mut self,
        signer: Option<&mut Signer>,
        last: bool,
    ) -> Result<Stepped, StepError> {
        let pending = ledger_pending::oldest(&mut self.conn, column(BATCH_MAX as u64)).await?;
        let more = pending.len() == BATCH_MAX;
        let ids: Vec<Uuid> = pending.iter().map(|row| row.audit_entry_id).collect();
        let entries = match ids.as_slice() {
            [] => Vec::new(),
            ids => audit_entry::find(&mut self.conn, ids).await?,
        };
        let at = time::now();
        let batch = Batch::plan(&self.head, &pending, &entries, at);
        let spans = leaf_spans(&pending);
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
            let signed = checkpoint.as_ref().map(|_| batch.head.tree.size());
            self.commit(&batch, checkpoint, at).await?;
            if let Some(signer) = signer
                && signer.committed(&batch.leaves, signed)
            {
                info!(
                    "the log is signed by the key {} from now on",
                    signer.key().as_str()
                );
            }
        }
        for leaf in &batch.leaves {
            if let Some(span) = spans.get(&leaf.audit_entry_id) {
                span.record("leaf.index", leaf.leaf_index);
            }
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
        checkpoint: Option<CheckpointRow>,
        at: Timestamp,
    ) -> Result<(), StepError> {
        let (old, new) = (self.head.row(), batch.head.row());
        let ours = self.head.signed;
        let (leaves, signed) = (&batch.leaves, &checkpoint);
        let ids: Vec<Uuid> = leaves.iter().map(|leaf| leaf.audit_entry_id).collect();
        let outcome = transaction::run(&mut self.conn, async |conn| {
            if signed.is_some() {
                let newest = log_checkpoint::newest(conn, &new.origin).await?;
                let found = newest.map_or(0, |row| row.tree_size);
                if found != column(ours) {
                    return Ok(Outcome::Beside(found));
                }
            }
            // First the head: whoever holds its row is the only one who writes below.
            if !log_head::swap(conn, &old, &new, at).await? {
                return Ok(Outcome::Deposed);
            }
            if !leaves.is_empty() {
                ledger_leaf::append(conn, leaves).await?;
                ledger_pending::remove(conn, &ids).await?;
            }
            if let Some(row) = signed {
                log_checkpoint::append(conn, row).await?;
            }
            Ok(Outcome::Committed)
        })
        .await?;
        match outcome {
            Outcome::Committed => {}
            Outcome::Deposed => return Err(StepError::Deposed),
            Outcome::Beside(found) => return Err(Blocked::CheckpointBeside { ours, found }.into()),
        }
        self.released(batch, checkpoint.is_some());
        Ok(())
    }

    /// What the world may know now that it is committed.
    fn released(&mut self, batch: &Batch, signed: bool) {
        counter!("assay_log_leaves_total").increment(batch.leaves.len() as u64);
        for delay in &batch.delays {
            histogram!("assay_log_leaf_delay_seconds").record(delay.as_secs_f64());
        }
        for entry in &batch.altered {
            counter!("assay_log_altered_entries_total").increment(1);
            error!(audit_entry.id = %entry, "entry {entry} was altered before it was logged");
        }
        self.head = batch.head.clone();
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

/// A span for each entry that was written in a trace, so that the trace ends at the leaf. They
/// live until the commit: a leaf that was not committed has a span without a place.
fn leaf_spans(pending: &[ledger_pending::PendingRow]) -> HashMap<Uuid, Span> {
    let traced = |row: &ledger_pending::PendingRow| {
        let parent = row.traceparent.as_deref()?;
        let span = info_span!(
            parent: None,
            "auditor.leaf",
            audit_entry.id = %row.audit_entry_id,
            leaf.index = tracing::field::Empty,
        );
        bus::trace::set_parent_from(&span, parent);
        Some((row.audit_entry_id, span))
    };
    pending.iter().filter_map(traced).collect()
}
