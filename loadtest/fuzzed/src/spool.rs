//! Owns what must hold for any bytes of the spool's folder: nothing is read that nobody wrote, what
//! stands before the damage is there, and a message is the one that was left.

use std::collections::BTreeMap;
use std::ops::Range;

use bus::outgoing::Outgoing;
use bytes::Bytes;
use webhook_ingest::spool::message::{decode, encode};
use webhook_ingest::spool::record::{
    FILE_HEAD_BYTES, FRAME_HEAD_BYTES, Marker, Scan, file_head, frame_head, scan,
};

/// Most things that happen to a file.
const EDITS_MAX: u8 = 8;
/// What ends a body in the input.
const BODY_END: u8 = b'|';
/// When the records of a file were appended: its number later than this, in microseconds.
const AT_MICROS: u64 = 1_000;

/// Any bytes as a file of the spool, and as what happens to a file that is good: eight bytes of a
/// marker, the number of edits, four bytes for each, and the bodies.
pub(crate) fn recovery(bytes: &[u8]) {
    let Some((marker, rest)) = bytes.split_first_chunk::<8>() else {
        return;
    };
    let marker = Marker(u64::from_be_bytes(*marker));
    if let Ok(found) = scan(marker, rest) {
        is_well_formed(marker, rest, &found);
    }
    let Some((edits, mut rest)) = rest.split_first() else {
        return;
    };
    let mut edited = Vec::new();
    for _ in 0..edits % EDITS_MAX {
        let Some((edit, left)) = rest.split_first_chunk::<4>() else {
            return;
        };
        edited.push(*edit);
        rest = left;
    }
    after_edits(marker, &edited, rest);
}

/// Every byte is in a record, in damage or behind the place of the tear; and each record is one
/// that its frame's sums stand for.
fn is_well_formed(marker: Marker, file: &[u8], found: &Scan) {
    let frame = |body: &Range<usize>| body.start - FRAME_HEAD_BYTES..body.end;
    let records = found.records.iter().map(|record| frame(&record.body));
    let mut parts: Vec<Range<usize>> = records.chain(found.damage.iter().cloned()).collect();
    parts.sort_by_key(|part| part.start);
    let head = FILE_HEAD_BYTES.min(file.len());
    let mut end = match parts.first() {
        Some(first) if first.start == 0 => 0,
        _ if found.torn_at == Some(0) => 0,
        _ => head,
    };
    for part in &parts {
        assert_eq!(part.start, end, "something is passed over or read twice");
        assert!(part.end > part.start, "nothing is no part");
        end = part.end;
    }
    assert_eq!(
        found.torn_at.unwrap_or(file.len()),
        end,
        "an end that is forgotten"
    );
    for record in &found.records {
        let body = &file[record.body.clone()];
        let head = frame_head(marker, record.number, record.at_micros, body);
        assert_eq!(
            file[frame(&record.body)][..FRAME_HEAD_BYTES],
            head,
            "sums do not lie"
        );
    }
}

/// A good file, and what happens to it: what is found was written, and what ends before the first
/// thing that happened is found. Who writes a body does not know the marker, which is random.
fn after_edits(marker: Marker, edits: &[[u8; 4]], bodies: &[u8]) {
    let unknown = marker.0.to_be_bytes();
    if bodies.windows(unknown.len()).any(|part| part == unknown) {
        return;
    }
    let mut file = file_head(marker).to_vec();
    let bodies: Vec<&[u8]> = bodies.split(|byte| *byte == BODY_END).collect();
    let mut ends = Vec::with_capacity(bodies.len());
    for (number, body) in (1..).zip(&bodies) {
        file.extend(frame_head(marker, number, AT_MICROS + number, body));
        file.extend_from_slice(body);
        ends.push(file.len());
    }
    let first = edits.iter().map(|edit| place(*edit)).min();
    for [what, high, low, value] in edits {
        let at = place([*what, *high, *low, *value]).min(file.len());
        match what % 5 {
            // The write was cut off.
            0 => file.truncate(at),
            // A file system that grew the file before it wrote.
            1 => file[at..].fill(0),
            // A bit of the disk.
            2 => {
                if let Some(byte) = file.get_mut(at) {
                    *byte ^= *value;
                }
            }
            // Bytes went missing, or came from elsewhere.
            3 => drop(file.drain(at..file.len().min(at + usize::from(*value)))),
            _ => drop(file.splice(at..at, vec![*value; usize::from(*value)])),
        }
    }
    let found = scan(marker, &file).expect("no edit makes another version with a right sum");
    is_well_formed(marker, &file, &found);
    for record in &found.records {
        let written = usize::try_from(record.number - 1).ok();
        let written = written.and_then(|place| bodies.get(place));
        assert_eq!(
            Some(&&file[record.body.clone()]),
            written,
            "nobody wrote this"
        );
        assert_eq!(record.at_micros, AT_MICROS + record.number);
    }
    let whole = ends
        .iter()
        .filter(|end| first.is_none_or(|first| **end <= first));
    let before: Vec<u64> = (1..).zip(whole).map(|(number, _)| number).collect();
    let numbers: Vec<u64> = found.records.iter().map(|record| record.number).collect();
    assert!(
        numbers.starts_with(&before),
        "{before:?} was promised; there is {numbers:?}"
    );
}

fn place([_, high, low, _]: [u8; 4]) -> usize {
    usize::from(u16::from_be_bytes([high, low]))
}

/// Any bytes as a message in the spool: refused, or the same after it was left there again.
pub(crate) fn message(bytes: &[u8]) {
    let Ok(read) = decode(Bytes::copy_from_slice(bytes)) else {
        return;
    };
    assert!(
        !read.message_id().is_empty(),
        "a message without an id is stored twice"
    );
    for (name, value) in read.headers() {
        let ends = |text: &str| text.contains(['\r', '\n']);
        assert!(
            !ends(name) && !ends(value),
            "{name:?}: {value:?} would end a header"
        );
    }
    let mut kept = Vec::new();
    encode(&read, &mut kept);
    let again = decode(kept.into()).expect("what was left can be read");
    assert_eq!(parts(&read), parts(&again), "a resend is the same message");
}

fn parts(message: &Outgoing) -> (&str, BTreeMap<&str, &str>, &Bytes) {
    (
        message.subject(),
        message.headers().collect(),
        message.payload(),
    )
}
