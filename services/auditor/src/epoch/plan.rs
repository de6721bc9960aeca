//! Owns what opening an epoch comes to, and carrying it out in one transaction.

use contract::audit::{AuditEntry, AuditEvent};
use contract::time::Timestamp;
use serde_json::{Map, json};
use store::audit_entry::{self, PendingEntry};
use store::ledger_leaf::{self, LeafRow};
use store::log_epoch::{self, EpochRow};
use store::log_head::HeadRow;
use store::transaction::LedgerConnection;
use store::{ledger_pending, log_head, transaction};
use tlog::checkpoint::Checkpoint;
use tlog::epoch;
use tlog::hash::Hash;

use crate::epoch::{ACTION, Cause, Known, OpenError, Opened};
use crate::head::{Head, bytes, column};

/// What opening an epoch comes to.
pub(super) struct Plan {
    base: String,
    epoch: u64,
    previous: Option<Known>,
    /// How many leaves of the old epoch are under a known checkpoint.
    covered: u64,
    reason: String,
    entry: Option<AuditEntry>,
    at: Timestamp,
}

impl Plan {
    pub(super) fn new(
        base: &str,
        epoch: u64,
        previous: Option<Known>,
        covered: u64,
        cause: Cause<'_>,
    ) -> Self {
        // A log of which nothing is known is begun as any other: there is nothing to commit to.
        let entry = (epoch > epoch::FIRST).then(|| entry(base, epoch, previous.as_ref(), cause));
        Self {
            base: base.to_owned(),
            epoch,
            previous,
            covered,
            reason: cause.reason.to_owned(),
            entry,
            at: cause.at,
        }
    }

    fn row(&self) -> EpochRow {
        let said = self.previous.as_ref().map(|known| &known.said);
        EpochRow {
            epoch: column(self.epoch),
            origin: epoch::origin(&self.base, self.epoch),
            previous_origin: said.map(|said| said.origin.clone()),
            previous_size: said.map(|said| column(said.size)),
            previous_root: said.map(|said| bytes(said.root)),
            previous_note: self.previous.as_ref().map(|known| known.note.clone()),
            reason: self.reason.clone(),
            recorded_at: self.at,
        }
    }

    /// The head of the new epoch, with its first leaf.
    fn head(&self) -> (Head, Option<LeafRow>) {
        let mut head = Head::new(&self.base, self.epoch);
        let leaf = self.entry.as_ref().map(|entry| {
            let hash = Hash::of_leaf(entry.text.as_bytes());
            LeafRow {
                epoch: column(self.epoch),
                leaf_index: column(head.tree.append(hash)),
                audit_entry_id: entry.id.as_uuid(),
                leaf_hash: bytes(hash),
                recorded_at: self.at,
            }
        });
        (head, leaf)
    }
}

fn entry(base: &str, epoch: u64, previous: Option<&Known>, cause: Cause<'_>) -> AuditEntry {
    let origin = epoch::origin(base, epoch);
    let mut fields = Map::new();
    fields.insert("assay.log.origin".into(), json!(origin));
    fields.insert("assay.log.epoch".into(), json!(epoch));
    fields.insert("assay.actor".into(), json!(cause.actor));
    fields.insert("event.reason".into(), json!(cause.reason));
    if let Some(known) = previous {
        // What a stranger's check of files reads, beside the note that says it signed.
        let Checkpoint { origin, size, root } = &known.said;
        fields.insert("assay.log.previous.origin".into(), json!(origin));
        fields.insert("assay.log.previous.size".into(), json!(size));
        fields.insert("assay.log.previous.root".into(), json!(root.to_string()));
        fields.insert("assay.log.previous.note".into(), json!(known.note));
    }
    AuditEvent {
        action: ACTION,
        subject: &origin,
        service: "auditor",
        outcome: "success",
        trace_id: None,
        at: cause.at,
        fields,
        rows: Vec::new(),
    }
    .entry()
}

/// Opens the epoch, from where the head is.
pub(super) async fn carry_out(
    conn: &mut LedgerConnection,
    old: Option<HeadRow>,
    plan: Plan,
) -> Result<Opened, OpenError> {
    let (head, leaf) = plan.head();
    let row = plan.row();
    let pending: Vec<PendingEntry> = plan.entry.iter().map(pending).collect();
    let (old, new, covered, at) = (&old, &head.row(), column(plan.covered), plan.at);
    let outcome = transaction::run(conn, async |conn| {
        match old {
            Some(old) if !log_head::swap(conn, old, new, at).await? => return Ok(None),
            Some(_) => {}
            None => log_head::begin(conn, new).await?,
        }
        log_epoch::append(conn, &row).await?;
        // The first leaf is given here: what waits, and what is queued again, comes after it.
        if let Some(leaf) = &leaf {
            audit_entry::append(conn, &pending).await?;
            ledger_pending::remove(conn, &[leaf.audit_entry_id]).await?;
            ledger_leaf::append(conn, std::slice::from_ref(leaf)).await?;
        }
        let queued = match old {
            Some(old) => ledger_pending::queue_again(conn, old.epoch, covered).await?,
            None => 0,
        };
        Ok(Some(queued))
    })
    .await?;
    let queued_again = outcome.ok_or(OpenError::Busy)? as u64;
    let (epoch, origin) = (plan.epoch, head.origin);
    let previous = plan.previous.map(|known| (known.said, known.note));
    Ok(Opened {
        epoch,
        origin,
        previous,
        queued_again,
    })
}

fn pending(entry: &AuditEntry) -> PendingEntry {
    PendingEntry {
        entry: entry.clone(),
        traceparent: bus::trace::current_traceparent(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_leaf_says_in_fields_what_the_epoch_follows() {
        let said = Checkpoint {
            origin: "assay.test/log".to_owned(),
            size: 7,
            root: Hash::of_leaf(b"a leaf"),
        };
        let root = said.root.to_string();
        let known = Known {
            epoch: 1,
            said,
            note: "a note".to_owned(),
        };
        let cause = Cause {
            reason: "a restore",
            actor: "operator",
            at: contract::time::now(),
        };
        let entry = entry("assay.test/log", 2, Some(&known), cause);
        let text: serde_json::Value = serde_json::from_str(&entry.text).unwrap();
        for (field, wanted) in [
            ("origin", json!("assay.test/log")),
            ("size", json!(7)),
            ("root", json!(root)),
            ("note", json!("a note")),
        ] {
            assert_eq!(text[format!("assay.log.previous.{field}")], wanted);
        }
    }
}
