//! Every cut and every flip of a file: what stands before it is found, and nothing that was not
//! written.

use super::*;

const MARKER: Marker = Marker(0x0102_0304_0506_0708);

fn body(number: u64) -> Vec<u8> {
    // Lengths on both sides of nothing, and one that holds what looks like a head.
    match number {
        1 => Vec::new(),
        2 => frame_head(Marker(9), 7, 7, b"").to_vec(),
        number => vec![number as u8; 3 * number as usize],
    }
}

/// A file with this many records, and where each ends.
fn file(records: u64) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = file_head(MARKER).to_vec();
    let ends = (1..=records).map(|number| {
        let body = body(number);
        bytes.extend(frame_head(MARKER, number, 1_000 + number, &body));
        bytes.extend(body);
        bytes.len()
    });
    let ends = ends.collect();
    (bytes, ends)
}

fn numbers(bytes: &[u8], scan: &Scan) -> Vec<u64> {
    for record in &scan.records {
        assert_eq!(
            bytes[record.body.clone()],
            body(record.number),
            "a record that nobody wrote"
        );
        assert_eq!(record.at_micros, 1_000 + record.number);
    }
    scan.records.iter().map(|record| record.number).collect()
}

#[test]
fn what_was_written_is_read() {
    for records in [0, 1, 6] {
        let (bytes, _) = file(records);
        let scan = scan(MARKER, &bytes).unwrap();
        assert_eq!(numbers(&bytes, &scan), (1..=records).collect::<Vec<_>>());
        assert_eq!((scan.damage.len(), scan.torn_at), (0, None));
    }
}

#[test]
fn a_file_that_is_cut_at_any_byte_has_everything_before_the_cut_and_no_damage() {
    let (bytes, ends) = file(6);
    for cut in 0..bytes.len() {
        let bytes = &bytes[..cut];
        let scan = scan(MARKER, bytes).unwrap();
        let whole = ends.iter().filter(|end| **end <= cut).count() as u64;
        assert_eq!(numbers(bytes, &scan), (1..=whole).collect::<Vec<_>>());
        assert!(scan.damage.is_empty(), "cut at {cut}");
        let border = ends.iter().copied().rfind(|end| *end <= cut);
        let border = border.or((cut >= FILE_HEAD_BYTES).then_some(FILE_HEAD_BYTES));
        let expected = match border {
            Some(border) => (border < cut).then_some(border),
            None => (cut > 0).then_some(0),
        };
        assert_eq!(scan.torn_at, expected, "cut at {cut}");
    }
}

#[test]
fn a_file_whose_end_was_never_written_has_everything_before_it() {
    let (bytes, ends) = file(6);
    for cut in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[cut..].fill(0);
        let scan = scan(MARKER, &bytes).unwrap();
        let whole = ends.iter().filter(|end| **end <= cut).count() as u64;
        let found = numbers(&bytes, &scan);
        assert_eq!(found[..whole as usize], (1..=whole).collect::<Vec<_>>());
        assert!(found.len() as u64 <= whole + 1, "{cut}: {found:?}");
    }
}

#[test]
fn a_flipped_byte_costs_its_own_record_and_is_named() {
    let (bytes, ends) = file(6);
    for place in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[place] ^= flip;
            let Ok(scan) = scan(MARKER, &bytes) else {
                panic!("{place}: a damaged head is no other version");
            };
            let hit = ends.iter().position(|end| place < *end).unwrap() as u64 + 1;
            let lost = (place >= FILE_HEAD_BYTES).then_some(hit);
            let expected: Vec<_> = (1..=6).filter(|number| Some(*number) != lost).collect();
            assert_eq!(numbers(&bytes, &scan), expected, "byte {place}");
            assert_eq!(scan.torn_at, None, "byte {place}");
            assert_eq!(scan.damage.len(), 1, "byte {place}");
            assert!(scan.damage[0].contains(&place), "byte {place}: {scan:?}");
        }
    }
}

#[test]
fn bytes_that_were_pushed_in_or_taken_out_cost_what_they_hit() {
    let (bytes, ends) = file(6);
    for place in FILE_HEAD_BYTES..bytes.len() {
        let hit = ends.iter().position(|end| place < *end).unwrap() as u64 + 1;
        let mut longer = bytes.clone();
        longer.insert(place, 0x55);
        let mut shorter = bytes.clone();
        shorter.remove(place);
        for bytes in [longer, shorter] {
            let scan = scan(MARKER, &bytes).unwrap();
            let found = numbers(&bytes, &scan);
            let others: Vec<_> = (1..=6).filter(|number| *number != hit).collect();
            let left: Vec<_> = found.iter().copied().filter(|n| *n != hit).collect();
            assert_eq!(left, others, "byte {place}");
        }
    }
}

#[test]
fn frames_of_another_file_are_none_of_this_one() {
    let (mut bytes, _) = file(2);
    bytes.extend(frame_head(Marker(9), 3, 1_003, &body(3)));
    bytes.extend(body(3));
    let scan = scan(MARKER, &bytes).unwrap();
    assert_eq!(numbers(&bytes, &scan), [1, 2]);
    assert_eq!(scan.damage.len(), 1);
}

#[test]
fn another_version_is_refused_and_not_taken_for_damage() {
    let (mut bytes, _) = file(2);
    bytes[8..12].copy_from_slice(&2_u32.to_be_bytes());
    let renewed = sum(&bytes[..20]);
    bytes[20..28].copy_from_slice(&renewed);
    assert_eq!(scan(MARKER, &bytes), Err(OtherVersion(2)));
}
