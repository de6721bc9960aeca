//! Logs of many sizes are read whole, and whatever is altered in one is named.

use std::collections::BTreeMap;

use super::*;
use crate::tree::Frontier;

type Files = BTreeMap<String, Vec<u8>>;

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

fn root(hashes: &[Hash]) -> Hash {
    let mut tree = Frontier::new();
    hashes.iter().for_each(|hash| {
        tree.append(*hash);
    });
    tree.root()
}

/// The files of a log, by the definition of the standard.
fn files(size: u64) -> (Files, Mark) {
    let mut files = Files::new();
    let entries: Vec<Vec<u8>> = (0..size).map(entry).collect();
    for (number, chunk) in entries.chunks(256).enumerate() {
        let mut bytes = Vec::new();
        for entry in chunk {
            bundle::push(&mut bytes, entry).unwrap();
        }
        files.insert(at(Kind::Entries, number, chunk.len()), bytes);
    }
    let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::of_leaf(entry)).collect();
    let mut level = leaves.clone();
    for height in 0.. {
        for (number, hashes) in level.chunks(256).enumerate() {
            let bytes = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
            files.insert(at(Kind::Hashes(height), number, hashes.len()), bytes);
        }
        level = level.chunks_exact(256).map(root).collect();
        if level.is_empty() {
            break;
        }
    }
    let name = "the checkpoint".to_owned();
    let root = root(&leaves);
    (files, Mark { size, root, name })
}

fn at(kind: Kind, number: usize, width: usize) -> String {
    let count = (number * 256 + width) as u64;
    let tile = Tile::of_count(kind, number as u64, count).unwrap();
    tile.to_string()
}

/// Reads all files, each once; says which were read and what the entries were.
fn read(files: &Files, marks: Vec<Mark>) -> Result<(Vec<String>, Vec<Vec<u8>>), Fault> {
    let mut walk = Walk::new(marks)?;
    let (mut paths, mut entries) = (Vec::new(), Vec::new());
    while let Some(wanted) = walk.wanted() {
        let tiles = [wanted.tile, wanted.tile.filled()];
        let found = tiles
            .into_iter()
            .find(|tile| files.contains_key(&tile.to_string()));
        let found = found.unwrap_or_else(|| panic!("{:?}", wanted.tile.to_string()));
        let bytes = &files[&found.to_string()];
        // Only the tests lengthen a file.
        assert!(bytes.len() <= wanted.bytes_max + 1);
        paths.push(found.to_string());
        entries.extend(walk.take(found, bytes)?.into_iter().map(<[u8]>::to_vec));
    }
    assert_eq!(walk.passed(), walk.size());
    Ok((paths, entries))
}

#[test]
fn a_log_of_any_size_is_read_whole_each_file_once() {
    for size in [
        0, 1, 2, 255, 256, 257, 511, 512, 700, 65_536, 65_537, 66_048,
    ] {
        let (files, mark) = files(size);
        let (mut paths, entries) = read(&files, vec![mark]).unwrap();
        assert_eq!(entries.len() as u64, size);
        assert!((0..size).map(entry).eq(entries), "{size}");
        paths.sort();
        assert!(files.keys().eq(&paths), "{size}: {paths:?}");
    }
}

#[test]
fn a_full_file_does_where_a_partial_one_was_wanted() {
    let (mut small, mark) = files(300);
    let (large, _) = files(600);
    small.retain(|path, _| !path.contains(".p/") || path.starts_with("tile/1/"));
    for path in ["tile/entries/001", "tile/0/001"] {
        small.insert(path.to_owned(), large[path].clone());
    }
    let (_, entries) = read(&small, vec![mark]).unwrap();
    assert!((0..300).map(entry).eq(entries));
}

#[test]
fn whatever_byte_is_turned_is_found_and_the_place_is_named() {
    let (files, mark) = files(600);
    for (path, bytes) in &files {
        for place in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            let mut turned = files.clone();
            turned.get_mut(path).unwrap()[place] ^= 1;
            let fault = read(&turned, vec![mark.clone()]).unwrap_err();
            let is_named = match &fault {
                Fault::Leaf { entries, tile, .. } => entries == path || tile == path,
                Fault::Node { tile, .. } => tile == path,
                Fault::Entries { file, .. } | Fault::Length { file, .. } => file == path,
                Fault::Root { .. } | Fault::Empty(_) => false,
            };
            assert!(is_named, "{path} at {place}: {fault}");
        }
        for length in [0, bytes.len() - 1, bytes.len() + 1] {
            let mut cut = files.clone();
            cut.get_mut(path).unwrap().resize(length, 0);
            let fault = read(&cut, vec![mark.clone()]).unwrap_err();
            let is_named = match &fault {
                Fault::Entries { file, .. } | Fault::Length { file, .. } => file == path,
                Fault::Leaf { entries, .. } => entries == path,
                _ => false,
            };
            assert!(is_named, "{path} of {length}: {fault}");
        }
    }
}

#[test]
fn the_first_bad_leaf_is_named() {
    let (files, mark) = files(600);
    let mut turned = files.clone();
    let bytes = turned.get_mut("tile/0/001").unwrap();
    bytes[44 * HASH_BYTES] ^= 1;
    bytes[45 * HASH_BYTES] ^= 1;
    let fault = read(&turned, vec![mark]).unwrap_err();
    assert!(matches!(fault, Fault::Leaf { index: 300, .. }), "{fault}");
}

#[test]
fn leaves_that_agree_with_their_tiles_and_not_with_what_was_signed_are_bounded_by_the_marks() {
    let (files, mark) = files(600);
    let at = |size| {
        let (_, mark) = self::files(size);
        Mark {
            name: format!("the checkpoint of {size}"),
            ..mark
        }
    };
    let all = vec![at(250), at(400), mark];
    assert!(read(&files, all.clone()).is_ok());
    for (bad, first, last) in [(1, 250, 399), (0, 0, 249), (2, 400, 599)] {
        let mut marks = all.clone();
        marks[bad].root = Hash::EMPTY_TREE;
        let fault = read(&files, marks).unwrap_err();
        let signed = all[bad].name.clone();
        assert_eq!(
            fault,
            Fault::Root {
                first,
                last,
                signed
            }
        );
    }
    let mut none = self::files(0).1;
    none.root = Hash::of_leaf(b"");
    let name = none.name.clone();
    assert_eq!(Walk::new(vec![none]).unwrap_err(), Fault::Empty(name));
}
