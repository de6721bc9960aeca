//! Owns reading the roots of subtrees for a proof: of what is published from its tiles, one a
//! subtree, and of what is not, or is not there, from the leaves. None of them is believed: whoever
//! makes the proof checks it.

use objects::log::LogFile;
use objects::store::Objects;
use store::ledger_leaf;
use store::pool::Connection;
use tlog::hash::Hash;
use tlog::subtree::Subtree;
use tlog::tile::{Tile, hashes_of};
use tlog::tree::Frontier;
use tracing::debug;

use crate::epoch::published_note;
use crate::head::column;
use crate::prove::ProveError;
use crate::published;

/// Leaf hashes that are read at once.
const PAGE_ROWS: u64 = 10_000;

/// An epoch's tiles, as far as they are published.
pub(super) struct Tiles<'a> {
    objects: &'a Objects,
    epoch: u64,
    size: u64,
}

impl<'a> Tiles<'a> {
    /// The tiles below what is published now; `None` where nothing is, or the store does not answer.
    pub(super) async fn published(objects: &'a Objects, epoch: u64) -> Option<Self> {
        let note = published_note(objects, epoch).await;
        let said = note.map(|note| note.and_then(|note| published::read(&note).ok()));
        match said {
            Ok(said) => said.map(|said| Self {
                objects,
                epoch,
                size: said.size,
            }),
            Err(error) => {
                debug!(%error, "no tiles: the proof is made from the leaves");
                None
            }
        }
    }

    /// The root of a subtree that is published; `None` where its tile is not there.
    async fn root(&self, subtree: Subtree) -> Option<Hash> {
        let (tile, range) = subtree.in_tile(self.size)?;
        let hashes = match self.hashes(tile).await {
            Some(hashes) => hashes,
            // It was full meanwhile, and its part removed.
            None => self.hashes(tile.filled()).await?,
        };
        hashes.get(range).map(Subtree::root_of)
    }

    async fn hashes(&self, tile: Tile) -> Option<Vec<Hash>> {
        let read = self.objects.log_file(self.epoch, LogFile::Tile(tile)).await;
        let read = read.inspect_err(|error| debug!(%error, "a tile cannot be read"));
        hashes_of(&tile, &read.ok()??)
    }
}

/// The root of a subtree of an epoch.
pub(super) async fn root_of(
    conn: &mut Connection,
    tiles: Option<&Tiles<'_>>,
    epoch: u64,
    subtree: Subtree,
) -> Result<Hash, ProveError> {
    let published = tiles.map_or(0, |tiles| tiles.size);
    let leaves = subtree.leaves();
    if leaves.start < published
        && leaves.end > published
        && let Some([left, right]) = subtree.halves()
    {
        let left = Box::pin(root_of(conn, tiles, epoch, left)).await?;
        let right = Box::pin(root_of(conn, tiles, epoch, right)).await?;
        return Ok(Hash::of_node(left, right));
    }
    if let Some(tiles) = tiles
        && let Some(root) = tiles.root(subtree).await
    {
        return Ok(root);
    }
    of_leaves(conn, epoch, subtree).await
}

/// The root of a subtree, by the hashes of its leaves.
async fn of_leaves(
    conn: &mut Connection,
    epoch: u64,
    subtree: Subtree,
) -> Result<Hash, ProveError> {
    let leaves = subtree.leaves();
    let mut tree = Frontier::new();
    while leaves.start + tree.size() < leaves.end {
        let from = leaves.start + tree.size();
        let limit = column(PAGE_ROWS.min(leaves.end - from));
        let page = ledger_leaf::hashes(conn, column(epoch), column(from), limit).await?;
        if page.is_empty() {
            return Err(ProveError::LeafGone(from));
        }
        for hash in &page {
            tree.append(Hash::try_from(hash.as_slice())?);
        }
    }
    Ok(tree.root())
}
