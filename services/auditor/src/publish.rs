//! Owns publishing the log as files: what was signed is put into the object store, tiles first and
//! the checkpoint last, beside the log's steps and after their commits. Where it is stands in the
//! store alone, so that a restart goes on from there.

use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use metrics::{counter, gauge};
use objects::log::LogFile;
use objects::store::{Objects, ObjectsError};
use process::health::Part;
use retry::delays::Delays;
use retry::policy::Policy;
use store::error::StoreError;
use store::ledger_leaf;
use store::log_checkpoint::{self, CheckpointRow};
use store::log_epoch;
use store::pool::{Connection, Store};
use thiserror::Error;
use tlog::edge::Edge;
use tlog::hash::Hash;
use tlog::tile::{Kind, Tile, WIDTH, edge_of};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::warn;

use crate::epoch::published_note;
use crate::growing::{File, Growing, is_full_at};
use crate::head::{Blocked, bytes, column};
use crate::published::{self, Standing};

/// Most checkpoints that are published together.
const CHECKPOINTS_AT_ONCE: i64 = 1_000;
/// Most leaves that are read at once.
const PAGE_LEAVES: u64 = 2_048;
/// Most files that are put at a time: each waits for the disk.
const PUTS_AT_ONCE: usize = 16;

/// How publishing comes back after it failed.
const COME_BACK: Policy = Policy {
    first: Duration::from_millis(100),
    factor: 2.0,
    max: Duration::from_secs(10),
    give_up_after: None,
};

/// What publishes the log.
pub(crate) struct Publisher {
    pub(crate) store: Store,
    pub(crate) objects: Objects,
    /// Whether what is signed is published.
    pub(crate) part: Part,
}

/// Why what was signed could not be published.
#[derive(Debug, Error)]
pub(crate) enum PublishError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    #[error(transparent)]
    Blocked(#[from] Blocked),
}

/// An epoch of the log, as publishing knows it.
#[derive(Clone, Debug)]
pub(crate) struct Epoch {
    pub(crate) number: u64,
    pub(crate) origin: String,
}

impl Publisher {
    /// How far an epoch is published, judged against the checkpoints that the ledger has.
    pub(crate) async fn look(&self, epoch: &Epoch, size: u64) -> Result<u64, PublishError> {
        let newest = self.objects.log_epochs().await?.last().copied();
        let note = published_note(&self.objects, epoch.number).await?;
        let said = note.as_deref().map(published::read).transpose()?;
        let ours = match &said {
            Some(said) => {
                let mut conn = self.store.connection().await?;
                log_checkpoint::at(&mut conn, &epoch.origin, column(said.size)).await?
            }
            None => None,
        };
        let standing = Standing {
            epoch: epoch.number,
            size,
            newest_published: newest.unwrap_or_default(),
        };
        Ok(standing.judge(said.as_ref(), ours.as_ref())?)
    }

    /// Publishes what is signed, for as long as this auditor leads: `signed` says how far that is.
    /// `cleared` hears that the published log is one that may be built upon. Ends when nothing more
    /// will be signed, or because it may not be built upon.
    pub(crate) async fn run(
        &self,
        epoch: &Epoch,
        mut signed: watch::Receiver<u64>,
        cleared: &watch::Sender<bool>,
    ) -> Result<(), Blocked> {
        let mut delays = Delays::new(&COME_BACK);
        loop {
            match self.follow(epoch, &mut signed, cleared, &mut delays).await {
                Ok(()) => return Ok(()),
                Err(PublishError::Blocked(blocked)) => return Err(blocked),
                Err(error) => {
                    let reason = chain(&error);
                    warn!(reason, "the log is not published: {reason}");
                    self.part.not_ready(reason);
                }
            }
            sleep(delays.next()).await;
        }
    }

    /// Publishes until nothing more will be signed.
    async fn follow(
        &self,
        epoch: &Epoch,
        signed: &mut watch::Receiver<u64>,
        cleared: &watch::Sender<bool>,
        delays: &mut Delays,
    ) -> Result<(), PublishError> {
        let begun = *signed.borrow_and_update();
        // What is published is part of what was signed: it is at most as large.
        let published = self.look(epoch, begun).await?;
        cleared.send_replace(true);
        self.finish_older(epoch).await?;
        let mut conn = self.store.connection().await?;
        let mut growing = self.resume(&mut conn, epoch, published).await?;
        show(growing.size());
        loop {
            while self.publish_next(&mut conn, epoch, &mut growing).await? {
                delays.reset();
            }
            self.part.ready();
            if signed.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Publishes what earlier epochs have signed and not published. What is published of them
    /// otherwise stays as it is: that is why they ended.
    async fn finish_older(&self, current: &Epoch) -> Result<(), PublishError> {
        let mut conn = self.store.connection().await?;
        for row in log_epoch::all(&mut conn).await? {
            let epoch = Epoch {
                number: row.epoch.unsigned_abs(),
                origin: row.origin,
            };
            if epoch.number >= current.number {
                break;
            }
            let newest = log_checkpoint::newest(&mut conn, &epoch.origin).await?;
            let signed = newest.map_or(0, |row| row.tree_size.unsigned_abs());
            let published = match self.look_at_older(&epoch, signed).await {
                Ok(published) if published < signed => published,
                Ok(_) | Err(PublishError::Blocked(_)) => continue,
                Err(error) => return Err(error),
            };
            let mut growing = self.resume(&mut conn, &epoch, published).await?;
            while self.publish_next(&mut conn, &epoch, &mut growing).await? {}
        }
        Ok(())
    }

    async fn look_at_older(&self, epoch: &Epoch, signed: u64) -> Result<u64, PublishError> {
        match self.look(epoch, signed).await {
            Err(PublishError::Blocked(Blocked::PublishedEpoch { .. })) => Ok(0),
            judged => judged,
        }
    }

    /// The files at the edge of what is published. Where they are not there, or are of another log,
    /// everything is published again from the first leaf: what is there already stays.
    async fn resume(
        &self,
        conn: &mut Connection,
        epoch: &Epoch,
        size: u64,
    ) -> Result<Growing, PublishError> {
        let mut tiles = Vec::new();
        for tile in edge_of(size) {
            let read = self.objects.log_file(epoch.number, LogFile::Tile(tile));
            tiles.extend(read.await?);
        }
        let ours = log_checkpoint::at(conn, &epoch.origin, column(size)).await?;
        let root = ours.map(|row| row.root_hash);
        let edge = Edge::of_tiles(size, tiles.iter().map(|tile| &tile[..])).ok();
        let edge = edge.filter(|edge| size == 0 || root == Some(bytes(edge.root())));
        let Some(edge) = edge else {
            warn!(
                log.size = size,
                "the tiles of the published log are missing at its edge: published again"
            );
            return Ok(Growing::default());
        };
        let mut growing = Growing::from(edge);
        let (from, limit) = (size - size % WIDTH, size % WIDTH);
        let page = ledger_leaf::page(conn, column(epoch.number), column(from), column(limit));
        for row in page.await? {
            let entry = row.entry.unwrap_or_default();
            let (index, hash) = (row.leaf.leaf_index, hash_of(&row.leaf.leaf_hash));
            if hash != Some(Hash::of_leaf(entry.as_bytes())) {
                return Err(unfit(index, "its entry is not the one that was logged").into());
            }
            growing
                .again(entry.as_bytes())
                .map_err(|error| unfit(index, &error.to_string()))?;
        }
        Ok(growing)
    }

    /// Publishes the next checkpoints; `false` when there is none.
    async fn publish_next(
        &self,
        conn: &mut Connection,
        epoch: &Epoch,
        growing: &mut Growing,
    ) -> Result<bool, PublishError> {
        let begun = growing.size();
        let above = column(begun);
        let rows = log_checkpoint::page(conn, &epoch.origin, above, CHECKPOINTS_AT_ONCE).await?;
        let Some(last) = rows.last() else {
            return Ok(false);
        };
        let end = last.tree_size.unsigned_abs();
        let mut files = Vec::new();
        for row in &rows {
            self.grow(conn, epoch, growing, row, &mut files).await?;
            files.extend(growing.partials(end));
        }
        self.put(epoch, &mut files).await?;
        self.release(epoch, last).await?;
        show(end);
        let edge = edge_of(begun).chain(Tile::of_count(Kind::Entries, begun / WIDTH, begun));
        for tile in edge.filter(|tile| is_full_at(tile, end)) {
            self.objects.remove_log_partials(epoch.number, tile).await?;
        }
        Ok(true)
    }

    /// Releases a checkpoint whose files are all there; never over one that is ahead of it, which
    /// somebody put who leads now while we were held up.
    async fn release(&self, epoch: &Epoch, row: &CheckpointRow) -> Result<(), PublishError> {
        let there = published_note(&self.objects, epoch.number).await?;
        let there = there.as_deref().map(published::read).transpose()?;
        if there.is_some_and(|said| column(said.size) >= row.tree_size) {
            return Ok(());
        }
        let note = row.note.clone().into();
        self.objects.put_log_checkpoint(epoch.number, note).await?;
        Ok(())
    }

    /// Adds the leaves up to a checkpoint, and puts files whenever there are many.
    async fn grow(
        &self,
        conn: &mut Connection,
        epoch: &Epoch,
        growing: &mut Growing,
        checkpoint: &CheckpointRow,
        files: &mut Vec<File>,
    ) -> Result<(), PublishError> {
        let end = checkpoint.tree_size.unsigned_abs();
        while growing.size() < end {
            let from = growing.size();
            let limit = column(PAGE_LEAVES.min(end - from));
            let page = ledger_leaf::page(conn, column(epoch.number), column(from), limit).await?;
            if page.is_empty() {
                return Err(unfit(column(from), "it is missing").into());
            }
            for row in page {
                let index = row.leaf.leaf_index;
                let hash = hash_of(&row.leaf.leaf_hash)
                    .ok_or_else(|| unfit(index, "its hash has another length"))?;
                let entry = row.entry.unwrap_or_default();
                let full = growing.push(entry.as_bytes(), hash);
                files.extend(full.map_err(|error| unfit(index, &error.to_string()))?);
            }
            if files.len() >= PUTS_AT_ONCE {
                self.put(epoch, files).await?;
            }
        }
        if bytes(growing.root()) != checkpoint.root_hash {
            return Err(Blocked::CheckpointDiffers(checkpoint.tree_size).into());
        }
        Ok(())
    }

    async fn put(&self, epoch: &Epoch, files: &mut Vec<File>) -> Result<(), PublishError> {
        let count = files.len() as u64;
        let puts = stream::iter(files.drain(..)).map(async |file: File| {
            let put = self
                .objects
                .put_log_tile(epoch.number, file.tile, file.bytes.into());
            put.await
        });
        puts.buffer_unordered(PUTS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        counter!("assay_log_files_total").increment(count);
        Ok(())
    }
}

fn hash_of(column: &[u8]) -> Option<Hash> {
    Hash::try_from(column).ok()
}

fn unfit(index: i64, reason: &str) -> Blocked {
    Blocked::Unfit {
        index,
        reason: reason.to_owned(),
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a gauge of more than 2^53 leaves may round"
)]
fn show(size: u64) {
    gauge!("assay_log_published_size").set(size as f64);
}

fn chain(error: &PublishError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
