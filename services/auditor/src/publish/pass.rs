//! Owns one pass of publishing: from where the published log ends to the next checkpoints.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use metrics::counter;
use objects::log::LogFile;
use store::ledger_leaf;
use store::log_checkpoint::{self, CheckpointRow};
use store::pool::Connection;
use tlog::edge::Edge;
use tlog::hash::Hash;
use tlog::tile::{Kind, Tile, WIDTH, edge_of};
use tracing::warn;

use crate::epoch::published_note;
use crate::growing::{File, Growing, is_full_at};
use crate::head::{Blocked, bytes, column};
use crate::publish::{Epoch, PublishError, Publisher, show};
use crate::published;

/// Most checkpoints that are published together.
const CHECKPOINTS_AT_ONCE: i64 = 1_000;
/// Most leaves that are read at once.
const PAGE_LEAVES: u64 = 2_048;
/// Most files that are put at a time: each waits for the disk.
const PUTS_AT_ONCE: usize = 16;

impl Publisher {
    /// The files at the edge of what is published. Where they are not there, or are of another log,
    /// everything is published again from the first leaf: what is there already stays.
    pub(super) async fn resume(
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
    pub(super) async fn publish_next(
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
            self.grow(epoch, growing, row, &mut files).await?;
            files.extend(growing.partials(end));
        }
        self.put(epoch, &mut files).await?;
        let there = published_note(&self.objects, epoch.number).await?;
        if there.is_none() && begun > 0 {
            warn!(
                log.epoch = epoch.number,
                log.size = begun,
                "the published checkpoint is gone, and what it covered may be: published again"
            );
            *growing = Growing::default();
            return Ok(true);
        }
        self.release(epoch, last, there.as_deref()).await?;
        show(end);
        let edge = edge_of(begun).chain(Tile::of_count(Kind::Entries, begun / WIDTH, begun));
        for tile in edge.filter(|tile| is_full_at(tile, end)) {
            self.objects.remove_log_partials(epoch.number, tile).await?;
        }
        Ok(true)
    }

    /// Releases a checkpoint whose files are all there; never over one that is ahead of it, which
    /// somebody put who leads now while we were held up.
    async fn release(
        &self,
        epoch: &Epoch,
        row: &CheckpointRow,
        there: Option<&str>,
    ) -> Result<(), PublishError> {
        let there = there.map(published::read).transpose()?;
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
        epoch: &Epoch,
        growing: &mut Growing,
        checkpoint: &CheckpointRow,
        files: &mut Vec<File>,
    ) -> Result<(), PublishError> {
        let end = checkpoint.tree_size.unsigned_abs();
        while growing.size() < end {
            let from = growing.size();
            let limit = column(PAGE_LEAVES.min(end - from));
            let (number, from_column) = (column(epoch.number), column(from));
            let read = epoch
                .recent
                .or_read(&self.store, number, from_column, limit);
            let page = read.await?;
            if page.is_empty() {
                return Err(unfit(column(from), "it is missing").into());
            }
            for row in page {
                let index = row.leaf.leaf_index;
                let hash = hash_of(&row.leaf.leaf_hash)
                    .ok_or_else(|| unfit(index, "its hash has another length"))?;
                let entry = row.entry.as_deref().unwrap_or_default();
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
