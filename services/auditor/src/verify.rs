//! Owns the check of the whole log: everything is recomputed from what the database holds, in
//! pages, so that it takes as little memory for a long log as for a short one.

use std::collections::VecDeque;

use contract::time::Timestamp;
use store::error::StoreError;
use store::log_checkpoint::{self, CheckpointRow};
use store::log_epoch::{self, EpochRow};
use store::pool::Connection;
use store::{ledger_leaf, ledger_pending, log_head};
use tlog::epoch;
use tlog::key::VerifyingKey;
use uuid::Uuid;

use crate::head::column;
use crate::verify::checker::Checker;
use crate::verify::checker::leaf::Epoch;
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
    /// The log, by the name of the last epoch that was looked at.
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
    } else if let Some(uncovered) = rows::uncovered(conn, depth).await? {
        Verdict::Tampered(uncovered)
    } else if let Some(distrust) = checker.distrust() {
        Verdict::Untrusted(distrust)
    } else if let Some(gap) = gap(conn, &checker, now).await? {
        Verdict::Incomplete(gap)
    } else {
        Verdict::Intact
    };
    Ok(Report {
        verdict,
        origin: checker.origin().to_owned(),
        leaves: checker.leaves(),
        checkpoints: checker.checkpoints(),
        signed: checker.all_signed(),
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
    if epoch::base(&kept.head.origin) != checker.base() {
        checker.other_log(&kept.head.origin);
    }
    let epochs = log_epoch::all(conn).await?;
    let mut followers = epochs.iter().skip(1);
    for row in &epochs {
        let next = followers.next();
        checker.begin(epoch_of(row, next));
        let is_last = row.epoch == kept.head.epoch;
        let size = is_last.then_some(kept.head.tree_size);
        walk_epoch(conn, checker, row, size, (depth, &mut *rows)).await?;
        if is_last {
            break;
        }
        // What no checkpoint covers, and the next epoch does not commit to, must be in that one.
        let marked = next.and_then(|next| next.previous_size).unwrap_or(0);
        let from = column(checker.signed()).max(marked);
        let behind = ledger_leaf::left_behind(conn, row.epoch, from, NAMED_MAX).await?;
        if let Some(first) = behind.first() {
            checker.left_behind(Gap::Unlogged {
                entries: behind.iter().map(|row| row.audit_entry_id).collect(),
                total: first.total.unsigned_abs(),
            });
        }
    }
    if epochs.last().map(|row| row.epoch) != Some(kept.head.epoch) {
        let reason = "it is not in the last epoch".to_owned();
        return Err(Tampering::Head(reason).into());
    }
    checker.head(&kept)?;
    Ok(())
}

fn epoch_of(row: &EpochRow, next: Option<&EpochRow>) -> Epoch {
    let next = next.filter(|next| next.previous_origin.as_ref() == Some(&row.origin));
    Epoch {
        number: row.epoch.unsigned_abs(),
        origin: row.origin.clone(),
        previous: row.previous_note.clone(),
        mark: next.and_then(|next| Some((next.previous_size?, next.previous_root.clone()?))),
    }
}

/// Walks over the leaves and checkpoints of an epoch: up to a size, or all there are.
async fn walk_epoch(
    conn: &mut Connection,
    checker: &mut Checker<'_>,
    epoch: &EpochRow,
    size: Option<i64>,
    (depth, rows): (Depth, &mut u64),
) -> Result<(), Stop> {
    let mut checkpoints = Checkpoints::of(epoch.origin.clone());
    checkpoints.feed(conn, checker).await?;
    while size != Some(column(checker.size())) {
        let from = column(checker.size());
        let page = ledger_leaf::page(conn, epoch.epoch, from, PAGE_ROWS).await?;
        if page.is_empty() && size.is_none() {
            break;
        }
        if page.is_empty() || size.is_some_and(|size| from > size) {
            let index = checker.size();
            return Err(Tampering::LeafMissing { index }.into());
        }
        let mut passed = 0;
        for row in &page {
            if size == Some(column(checker.size())) {
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
    let behind = checker.behind();
    Ok(behind.or_else(|| checker.unsigned_too_long(now)))
}
