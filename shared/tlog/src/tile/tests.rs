use super::*;

fn hashes(level: u8, index: u64, width: u16) -> Tile {
    let (kind, index) = (Kind::Hashes(level), index);
    Tile { kind, index, width }
}

#[test]
fn names_are_those_of_the_standard() {
    let entries = |index, width| Tile {
        kind: Kind::Entries,
        index,
        width,
    };
    for (tile, name) in [
        (hashes(0, 0, 256), "tile/0/000"),
        (hashes(0, 0, 1), "tile/0/000.p/1"),
        (hashes(1, 999, 255), "tile/1/999.p/255"),
        (hashes(0, 1_000, 256), "tile/0/x001/000"),
        (hashes(4, 1_234_067, 256), "tile/4/x001/x234/067"),
        (hashes(63, 1_234_067, 1), "tile/63/x001/x234/067.p/1"),
        (entries(273, 112), "tile/entries/273.p/112"),
        (entries(1_234_067, 256), "tile/entries/x001/x234/067"),
    ] {
        assert_eq!(tile.to_string(), name);
        assert_eq!(name.parse(), Ok(tile));
    }
}

#[test]
fn a_name_that_is_written_otherwise_names_nothing() {
    for bad in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/+1/000",
        "tile/64/000",
        "tile/256/000",
        "tile/data/000",
        "tile/8/0/000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/1/1",
        "tile/0/000.p/1.p/1",
        "tile/0/../000",
        "tile/0/-01",
        "tile/0/x018/x446/x744/x073/x709/x551/615",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "/tile/0/000",
        "tile/0/000/",
        "checkpoint",
    ] {
        assert_eq!(bad.parse::<Tile>(), Err(NotATile(bad.to_owned())));
    }
}

#[test]
fn a_tree_has_the_tiles_that_the_standard_counts() {
    // The example of the standard: a tree of 70,000 leaves.
    let of_level = |level| {
        let tiles = all_of(70_000).filter(move |tile| tile.kind() == Kind::Hashes(level));
        let (full, partial): (Vec<_>, Vec<_>) = tiles.partition(Tile::is_full);
        (full.len(), partial)
    };
    assert_eq!(of_level(0), (273, vec![hashes(0, 273, 112)]));
    assert_eq!(of_level(1), (1, vec![hashes(1, 1, 17)]));
    assert_eq!(of_level(2), (0, vec![hashes(2, 0, 1)]));
    assert_eq!(of_level(3), (0, vec![]));
    let edge: Vec<_> = edge_of(70_000).collect();
    assert_eq!(
        edge,
        [hashes(0, 273, 112), hashes(1, 1, 17), hashes(2, 0, 1)]
    );
    let tiles: Vec<_> = all_of(256).collect();
    let full = Tile::full(Kind::Entries, 0);
    assert_eq!(tiles, [full, hashes(0, 0, 256), hashes(1, 0, 1)]);
    assert_eq!(all_of(0).count(), 0);
    assert_eq!(edge_of(0).count(), 0);
    assert_eq!(edge_of(u64::MAX).count(), 8);
}

#[test]
fn a_tile_is_as_wide_as_what_there_is() {
    let kind = Kind::Hashes(0);
    for (index, count, width) in [
        (0, 0, None),
        (0, 1, Some(1)),
        (0, 256, Some(256)),
        (0, 257, Some(256)),
        (1, 256, None),
        (1, 257, Some(1)),
        (u64::MAX, u64::MAX, None),
    ] {
        let tile = Tile::of_count(kind, index, count);
        assert_eq!(tile.map(|tile| tile.width()), width, "{index} of {count}");
    }
}

#[test]
fn hashes_are_read_back_and_other_lengths_are_none() {
    let both = [Hash::of_leaf(b"a"), Hash::of_leaf(b"b")];
    let bytes = to_bytes(&both);
    assert_eq!(hashes_of(&hashes(0, 0, 2), &bytes), Some(both.to_vec()));
    for (tile, bytes) in [
        (hashes(0, 0, 1), &bytes[..]),
        (hashes(0, 0, 3), &bytes[..]),
        (hashes(0, 0, 2), &bytes[..63]),
        (Tile::of_count(Kind::Entries, 0, 2).unwrap(), &bytes[..]),
    ] {
        assert_eq!(hashes_of(&tile, bytes), None);
    }
}
