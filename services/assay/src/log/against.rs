//! Owns the comparison of a mirror's leaves with the database's: whoever rewrote the database, and
//! even signed it again, did not rewrite a copy that others keep.

use proofs::watch::{Passed, WatchError};
use store::ledger_leaf;
use store::pool::Connection;
use thiserror::Error;

/// The ledger, while a mirror passes by.
pub(super) struct Against(Connection);

/// How the database differs from the mirror.
#[derive(Debug, Error)]
#[error("epoch {epoch}: leaf {leaf}: {reason}")]
pub(super) struct Differs {
    epoch: u64,
    leaf: u64,
    reason: &'static str,
}

impl Against {
    pub(super) const fn new(ledger: Connection) -> Self {
        Self(ledger)
    }

    pub(super) async fn compare(&mut self, passed: &Passed<'_>) -> Result<(), WatchError> {
        let column = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (epoch, first) = (column(passed.epoch), column(passed.first));
        let count = passed.entries.len() as u64;
        let rows = ledger_leaf::page(&mut self.0, epoch, first, column(count)).await?;
        let mut rows = rows.into_iter();
        for (leaf, entry) in (passed.first..).zip(passed.entries) {
            let row = rows
                .next()
                .filter(|row| row.leaf.leaf_index == column(leaf));
            let reason = match row {
                None => "the mirror has it, and the database does not",
                Some(row) if row.entry.as_deref().map(str::as_bytes) != Some(*entry) => {
                    "the database has another entry than the mirror"
                }
                Some(_) => continue,
            };
            let epoch = passed.epoch;
            return Err(Differs {
                epoch,
                leaf,
                reason,
            }
            .into());
        }
        Ok(())
    }
}
