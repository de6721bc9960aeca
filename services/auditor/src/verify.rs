//! Owns the check of the whole log: everything is recomputed from what the database holds, in
//! pages, so that it takes as little memory for a long log as for a short one.

use std::collections::VecDeque;

use contract::time::Timestamp;
use store::error::StoreError;
use store::log_checkpoint::{self, CheckpointRow};
use store::pool::Connection;
use store::{ledger_leaf, ledger_pending, log_head};
use tlog::key::VerifyingKey;
use uuid::Uuid;

use crate::head::column;
use crate::verify::checker::Checker;
use crate::verify::verdict::{Gap, Tampering, Verdict};

mod checker;
mod rows;
pub mod verdict;

/// Rows that are read at once.
const PAGE_ROWS: i64 = 1_000;
/// How many entries that are missing in the log are named.
const NAMED_MAX: i64 = 10;

/// What the check of a log found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// What it comes to.
    pub verdict: Verdict,
    /// The log.
    pub origin: String,
    /// How many leaves were found good.
    pub leaves: u64,
    /// How many checkpoints were found good.
    pub checkpoints: u64,
    /// How many of the leaves the largest good checkpoint covers.
    pub signed: u64,
    /// How many entries wait for their leaf, counted up to a limit.
    pub pending: u64,
    /// How many ledger rows were found good; 0 where they were not looked at.
    pub rows: u64,
}

/// How deep a check goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// The log: entries, leaves, checkpoints, head.
    Log,
    /// Also each ledger row, against the digest that its entry says.
    Rows,
}

/// Checks the whole log against the ledger it was made from and the key that was pinned: each
/// leaf's hash against its entry, indexes without gaps, each checkpoint's signature and root, the
/// head, and that every entry is in the log or on its way there.
///
/// The log may grow meanwhile: what is checked is the log at the moment this was called.
///
/// # Errors
/// The database did not answer. What is wrong with the log is no error but the [`Verdict`].
pub async fn verify(
    conn: &mut Connection,
    key: &VerifyingKey,
    depth: Depth,
    now: Timestamp,
) -> Result<Report, StoreError> {
    let mut checker = Checker::new(key);
    let mut rows = 0;
    let tampering = match walk(conn, &mut checker, depth, &mut rows).await {
        Ok(()) => None,
        Err(Stop::Tampered(tampering)) => Some(tampering),
        Err(Stop::Store(error)) => return Err(error),
    };
    let pending = ledger_pending::lag(conn).await?.pending.unsigned_abs();
    let verdict = if let Some(tampering) = tampering {
        Verdict::Tampered(tampering)
    } else if let Some(distrust) = checker.distrust() {
        Verdict::Untrusted(distrust)
    } else if let Some(gap) = gap(conn, &checker, now).await? {
        Verdict::Incomplete(gap)
    } else {
        Verdict::Intact
    };
    Ok(Report {
        verdict,
        origin: key.origin().to_owned(),
        leaves: checker.size(),
        checkpoints: checker.checkpoints(),
        signed: checker.signed(),
        pending,
        rows,
    })
}

/// Why the walk over the log ended before its end.
enum Stop {
    Store(StoreError),
    Tampered(Tampering),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Tampering> for Stop {
    fn from(tampering: Tampering) -> Self {
        Self::Tampered(tampering)
    }
}

async fn walk(
    conn: &mut Connection,
    checker: &mut Checker<'_>,
    depth: Depth,
    rows: &mut u64,
) -> Result<(), Stop> {
    // One statement, so that head, last leaf and newest checkpoint are of one moment.
    let Some(kept) = log_head::standing(conn).await? else {
        return without_head(conn).await;
    };
    if kept.head.origin != checker.origin() {
        checker.other_log(&kept.head.origin);
    }
    let mut checkpoints = Checkpoints::of(kept.head.origin.clone());
    checkpoints.feed(conn, checker).await?;
    while column(checker.size()) < kept.head.tree_size {
        let page =
            ledger_leaf::page(conn, kept.head.epoch, column(checker.size()), PAGE_ROWS).await?;
        if page.is_empty() {
            let index = checker.size();
            return Err(Tampering::LeafMissing { index }.into());
        }
        let mut passed = 0;
        for row in &page {
            if column(checker.size()) == kept.head.tree_size {
                break;
            }
            checker.leaf(row)?;
            checkpoints.feed(conn, checker).await?;
            passed += 1;
        }
        if depth == Depth::Rows {
            *rows += rows::compare(conn, &page[..passed]).await?;
        }
    }
    checker.head(&kept)?;
    Ok(())
}

/// A log without a head is one that was never begun, or one whose head was taken away.
async fn without_head(conn: &mut Connection) -> Result<(), Stop> {
    match ledger_leaf::page(conn, 1, 0, 1).await?.is_empty() {
        true => Ok(()),
        false => Err(Tampering::Head("there are leaves, and no head".to_owned()).into()),
    }
}

/// The checkpoints of a log, read in pages while the leaves pass by.
struct Checkpoints {
    origin: String,
    above: i64,
    read: VecDeque<CheckpointRow>,
    ended: bool,
}

impl Checkpoints {
    fn of(origin: String) -> Self {
        Self {
            origin,
            above: -1,
            read: VecDeque::new(),
            ended: false,
        }
    }

    /// Hands over the checkpoint of the size that the leaves have reached, if there is one.
    async fn feed(&mut self, conn: &mut Connection, checker: &mut Checker<'_>) -> Result<(), Stop> {
        if self.read.is_empty() && !self.ended {
            let page = log_checkpoint::page(conn, &self.origin, self.above, PAGE_ROWS).await?;
            self.ended = page.len() < usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
            self.read.extend(page);
        }
        let here = column(checker.size());
        if self.read.front().is_some_and(|row| row.tree_size <= here) {
            let row = self.read.pop_front().expect("there is a first one");
            self.above = row.tree_size;
            checker.checkpoint(&row)?;
        }
        Ok(())
    }
}

async fn gap(
    conn: &mut Connection,
    checker: &Checker<'_>,
    now: Timestamp,
) -> Result<Option<Gap>, StoreError> {
    let unlogged = ledger_leaf::unlogged(conn, NAMED_MAX).await?;
    if let Some(first) = unlogged.first() {
        let entries: Vec<Uuid> = unlogged.iter().map(|row| row.audit_entry_id).collect();
        let total = first.total.unsigned_abs();
        return Ok(Some(Gap::Unlogged { entries, total }));
    }
    Ok(checker.unsigned_too_long(now))
}
