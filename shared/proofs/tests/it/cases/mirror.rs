//! What can be wrong with a mirror's files: entries, tiles, checkpoints.

use super::Change::{Append, Copy, Cut, Flip, Remove, Replace, Swap, SwapWithin};
use super::{Case, Check, INCOMPLETE, OK, TAMPERED, UNTRUSTED};
use crate::log::Keys;

pub(super) const CHECKPOINT: &str = "mirror/1/checkpoint";
pub(super) const SECOND: &str = "mirror/2/checkpoint";
pub(super) const FULL_ENTRIES: &str = "mirror/1/tile/entries/000";
pub(super) const PART_ENTRIES: &str = "mirror/1/tile/entries/001.p/6";
pub(super) const SECOND_ENTRIES: &str = "mirror/2/tile/entries/000.p/5";
pub(super) const FULL_LEAVES: &str = "mirror/1/tile/0/000";
const PART_LEAVES: &str = "mirror/1/tile/0/001.p/6";
pub(super) const SECOND_LEAVES: &str = "mirror/2/tile/0/000.p/5";
/// Where the files of a longer log begin to be other ones.
pub(super) const LONGER_ENTRIES: &str = "mirror/1/tile/entries/001.p/10";
pub(super) const LONGER_LEAVES: &str = "mirror/1/tile/0/001.p/10";
pub(super) const NODES: &str = "mirror/1/tile/1/000.p/1";

pub(super) fn cases(keys: &Keys) -> Vec<Case> {
    let files = [good(keys), entries(keys), tiles(keys)];
    [files.concat(), checkpoints(keys), torn(keys)].concat()
}

pub(super) fn of(name: &'static str, keys: &Keys) -> Case {
    Case::new(Check::Mirror, "mirror", name, keys)
}

fn good(keys: &Keys) -> Vec<Case> {
    let new = keys.new.verifying().as_str().to_owned();
    let alone = |name, key: &str, of| {
        let mut case = Case::new(Check::Mirror, of, name, keys).key(key);
        case.origin = crate::log::ORIGIN.to_owned();
        case
    };
    let second = keys.new.renamed("log.example/lab/epoch-2").unwrap();
    vec![
        of("the mirror is good by the first key", keys).found(OK, "262"),
        of("the mirror is good by the second key", keys)
            .key(&new)
            .found(OK, "262"),
        alone("one epoch alone is good", &new, "mirror/1").found(OK, "262"),
        alone(
            "a later epoch alone is good by its own key",
            second.verifying().as_str(),
            "mirror/2",
        )
        .found(OK, "5"),
        of("kept checkpoints are of beginnings of the log", keys)
            .since("kept/100")
            .since("kept/260")
            .since("kept/second-3")
            .found(OK, "262"),
        of("a first epoch alone, the second not yet there", keys)
            .with(Remove("mirror/2"))
            .found(OK, "262"),
        of("leaves that nobody signed yet do no harm", keys)
            .with(Copy("mirror/1/tile/entries/001", FULL_ENTRIES))
            .with(Copy("mirror/1/tile/0/002", FULL_LEAVES))
            .found(OK, "262"),
    ]
}

fn entries(keys: &Keys) -> Vec<Case> {
    vec![
        of("an entry says another outcome", keys)
            .with(Replace(FULL_ENTRIES, "success", "succesS"))
            .found(TAMPERED, "leaf 0"),
        of("the proven entry says another commit's digest", keys)
            .with(Replace(FULL_ENTRIES, "lab_attempt", "lab_attemqt"))
            .found(TAMPERED, "leaf 17"),
        of("the last byte of the last entry is turned", keys)
            .with(Flip(PART_ENTRIES, -1))
            .found(TAMPERED, "leaf 261"),
        of("an entry's length is turned", keys)
            .with(Flip(FULL_ENTRIES, 1))
            .found(TAMPERED, "leaf 0:"),
        of("an entry's length is far too large", keys)
            .with(Flip(PART_ENTRIES, 0))
            .found(TAMPERED, "leaf 25"),
        of("the bundle is cut within its last entry", keys)
            .with(Cut(FULL_ENTRIES, -1))
            .found(TAMPERED, "leaf 255"),
        of("the bundle is empty", keys)
            .with(Cut(PART_ENTRIES, 0))
            .found(TAMPERED, "leaf 256"),
        of("there are bytes after the last entry", keys)
            .with(Append(PART_ENTRIES, "more"))
            .found(TAMPERED, "leaf 262"),
        of("the bundle is that of another epoch", keys)
            .with(Copy(PART_ENTRIES, SECOND_ENTRIES))
            .found(TAMPERED, "leaf 256"),
        of("two bundles changed places", keys)
            .with(Swap(FULL_ENTRIES, PART_ENTRIES))
            .found(TAMPERED, "leaf 0:"),
        of("a bundle is gone", keys)
            .with(Remove(FULL_ENTRIES))
            .found(INCOMPLETE, "leaf 0"),
        of("the last bundle is gone", keys)
            .with(Remove(PART_ENTRIES))
            .found(INCOMPLETE, "leaf 256"),
        of("the bundle of the second epoch is gone", keys)
            .with(Remove(SECOND_ENTRIES))
            .found(INCOMPLETE, "leaf 0"),
        of("an entry of the second epoch is turned", keys)
            .with(Flip(SECOND_ENTRIES, -1))
            .found(TAMPERED, "leaf 4"),
    ]
}

fn tiles(keys: &Keys) -> Vec<Case> {
    vec![
        of("a leaf's hash is turned", keys)
            .with(Flip(FULL_LEAVES, 32 * 77))
            .found(TAMPERED, "leaf 77"),
        of("the last leaf's hash is turned", keys)
            .with(Flip(PART_LEAVES, -1))
            .found(TAMPERED, "leaf 261"),
        of("two leaves' hashes changed places", keys)
            .with(SwapWithin(FULL_LEAVES, 32, 32 * 40, 32 * 41))
            .found(TAMPERED, "leaf 40"),
        of("a tile lacks its last byte", keys)
            .with(Cut(FULL_LEAVES, -1))
            .found(TAMPERED, "leaf 0"),
        of("a tile lacks its last hash", keys)
            .with(Cut(PART_LEAVES, -32))
            .found(TAMPERED, "leaf 256"),
        of("a tile has bytes too many", keys)
            .with(Append(FULL_LEAVES, "x"))
            .found(TAMPERED, "leaf 0"),
        of("a tile is empty", keys)
            .with(Cut(PART_LEAVES, 0))
            .found(TAMPERED, "leaf 256"),
        of("a tile is gone", keys)
            .with(Remove(FULL_LEAVES))
            .found(INCOMPLETE, "leaf 0"),
        of("the last tile is gone", keys)
            .with(Remove(PART_LEAVES))
            .found(INCOMPLETE, "leaf 256"),
        of("a node's hash is turned", keys)
            .with(Flip(NODES, 0))
            .found(TAMPERED, "leaves 0 to 255"),
        of("a node's tile is cut", keys)
            .with(Cut(NODES, -1))
            .found(TAMPERED, "tile/1/000.p/1"),
        of("a node's tile is gone", keys)
            .with(Remove(NODES))
            .found(INCOMPLETE, "tile/1/000.p/1"),
        of("a tile of the second epoch is turned", keys)
            .with(Flip(SECOND_LEAVES, 32 * 3))
            .found(TAMPERED, "leaf 3"),
        of("a tile of the second epoch is gone", keys)
            .with(Remove(SECOND_LEAVES))
            .found(INCOMPLETE, "leaf 0"),
        of("all tiles and bundles are gone", keys)
            .with(Remove("mirror/1/tile"))
            .found(INCOMPLETE, "leaf 0"),
    ]
}

fn checkpoints(keys: &Keys) -> Vec<Case> {
    let new = keys.new.verifying().as_str().to_owned();
    vec![
        of("the checkpoint has another size", keys)
            .key(&new)
            .with(Replace(CHECKPOINT, "\n262\n", "\n261\n"))
            .found(TAMPERED, "1/checkpoint"),
        of(
            "the checkpoint of a key not yet known has another size",
            keys,
        )
        .with(Replace(CHECKPOINT, "\n262\n", "\n261\n"))
        .found(INCOMPLETE, "leaf 256"),
        of("the checkpoint has another root", keys)
            .with(Flip(CHECKPOINT, 21))
            .found(TAMPERED, "epoch 1"),
        of("the checkpoint has another origin", keys)
            .with(Replace(
                CHECKPOINT,
                "log.example/lab\n",
                "log.example/lbb\n",
            ))
            .found(UNTRUSTED, "log.example/lbb"),
        of("the checkpoint says its size in another way", keys)
            .with(Replace(CHECKPOINT, "\n262\n", "\n0262\n"))
            .found(TAMPERED, "checkpoint"),
        of("the checkpoint's signature is turned", keys)
            .with(Flip(CHECKPOINT, -20))
            .found(TAMPERED, "1/checkpoint"),
        of("the checkpoint's signature is by an unknown id", keys)
            .with(Replace(CHECKPOINT, "lab wZQ", "lab wZR"))
            .found(UNTRUSTED, "1/checkpoint"),
        of("the checkpoint's signer has another name", keys)
            .with(Replace(
                CHECKPOINT,
                "\u{2014} log.example/lab",
                "\u{2014} log.example/lad",
            ))
            .found(UNTRUSTED, "1/checkpoint"),
    ]
}

fn torn(keys: &Keys) -> Vec<Case> {
    vec![
        of("the checkpoint has no signature", keys)
            .with(Cut(CHECKPOINT, 66))
            .found(INCOMPLETE, "1/checkpoint"),
        of("the checkpoint is cut within its signature", keys)
            .with(Cut(CHECKPOINT, -9))
            .found(INCOMPLETE, "1/checkpoint"),
        of("the checkpoint is empty", keys)
            .with(Cut(CHECKPOINT, 0))
            .found(INCOMPLETE, "1/checkpoint"),
        of("the checkpoint is the second epoch's", keys)
            .with(Copy(CHECKPOINT, SECOND))
            .found(UNTRUSTED, "epoch-2"),
        of("the checkpoint is an older one", keys)
            .with(Copy(CHECKPOINT, "kept/100"))
            .found(INCOMPLETE, "100"),
        of("the checkpoint is gone", keys)
            .with(Remove(CHECKPOINT))
            .found(INCOMPLETE, "1/checkpoint"),
        of("the second epoch's checkpoint is turned", keys)
            .with(Flip(SECOND, -20))
            .found(TAMPERED, "2/checkpoint"),
        of("the second epoch's checkpoint is gone", keys)
            .with(Remove(SECOND))
            .found(INCOMPLETE, "2/checkpoint"),
        of("another signature stands before the log's own", keys)
            .with(Replace(
                CHECKPOINT,
                "\n\n",
                "\n\n\u{2014} witness.example AAAAAAAAAAAAAAAA\n",
            ))
            .found(OK, "262"),
        of("there is nothing", keys)
            .with(Remove("mirror/1"))
            .with(Remove("mirror/2"))
            .found(INCOMPLETE, "no checkpoint"),
    ]
}
