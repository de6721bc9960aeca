//! Owns the form of a spool's file: a head, then frames, each with its checksums. Thought alone:
//! bytes in, what they hold out, whatever they are.
//!
//! ```text
//! head   "ASSAYSPL" | version u32 | marker 8 | sum 8
//! frame  marker 8 | length u32 | number u64 | at u64 | sum of the body 8 | sum 8 | body
//! ```
//!
//! Numbers are big-endian, sums the first 8 bytes of SHA-256, a head's sum is over what stands
//! before it. The marker is random, one for each file, so that nothing in a body passes for a
//! frame; it is part of the file's name too, so that a damaged head hides nothing.

use std::ops::Range;

use contract::digest::Digest;
use thiserror::Error;

/// The version that this program writes, and the only one that it reads.
pub const VERSION: u32 = 1;
/// Size of a file's head in bytes.
pub const FILE_HEAD_BYTES: usize = 28;
/// Size of a frame's head in bytes.
pub const FRAME_HEAD_BYTES: usize = 44;
/// How a file begins.
const MAGIC: [u8; 8] = *b"ASSAYSPL";
/// Bytes of a sum.
const SUM_BYTES: usize = 8;

/// What marks the frames of one file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Marker(pub u64);

/// A record that is whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its number; a spool's records are numbered from 1 without holes.
    pub number: u64,
    /// When it was appended, in microseconds since 1970.
    pub at_micros: u64,
    /// Where its body is.
    pub body: Range<usize>,
}

/// What a file holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scan {
    /// The records that are whole, in the file's order.
    pub records: Vec<Record>,
    /// What is neither a record nor the end of a write that was cut off, in order.
    pub damage: Vec<Range<usize>>,
    /// Where a write was cut off, if one was: what follows was never promised to anybody.
    pub torn_at: Option<usize>,
}

/// The file was written by another version of this program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the file has version {0}, this program reads version {VERSION}")]
pub struct OtherVersion(pub u32);

/// The head of a file.
pub fn file_head(marker: Marker) -> [u8; FILE_HEAD_BYTES] {
    let mut head = [0; FILE_HEAD_BYTES];
    head[..8].copy_from_slice(&MAGIC);
    head[8..12].copy_from_slice(&VERSION.to_be_bytes());
    head[12..20].copy_from_slice(&marker.0.to_be_bytes());
    let sum = sum(&head[..20]);
    head[20..].copy_from_slice(&sum);
    head
}

/// The head of the frame of a body.
///
/// # Panics
/// The body has 4 GiB or more.
pub fn frame_head(
    marker: Marker,
    number: u64,
    at_micros: u64,
    body: &[u8],
) -> [u8; FRAME_HEAD_BYTES] {
    let length = u32::try_from(body.len()).expect("a message is far smaller than 4 GiB");
    let mut head = [0; FRAME_HEAD_BYTES];
    head[..8].copy_from_slice(&marker.0.to_be_bytes());
    head[8..12].copy_from_slice(&length.to_be_bytes());
    head[12..20].copy_from_slice(&number.to_be_bytes());
    head[20..28].copy_from_slice(&at_micros.to_be_bytes());
    head[28..36].copy_from_slice(&sum(body));
    let sum = sum(&head[..36]);
    head[36..].copy_from_slice(&sum);
    head
}

/// Reads a file: everything in it that is whole, and what is not. Takes time in proportion to its
/// size, and never panics.
///
/// # Errors
/// [`OtherVersion`], and only where the head is whole and says so.
pub fn scan(marker: Marker, bytes: &[u8]) -> Result<Scan, OtherVersion> {
    let mut scan = Scan::default();
    let Some(head) = bytes.get(..FILE_HEAD_BYTES) else {
        // Nothing is promised before the head and a frame are synced.
        scan.torn_at = Some(0).filter(|_| !bytes.is_empty());
        return Ok(scan);
    };
    if sum(&head[..20]) == head[20..] && head[..8] == MAGIC {
        let version = u32::from_be_bytes(array(&head[8..12]));
        if version != VERSION {
            return Err(OtherVersion(version));
        }
    }
    if *head != file_head(marker) {
        if is_zero(bytes) {
            scan.torn_at = Some(0);
            return Ok(scan);
        }
        scan.damage.push(0..FILE_HEAD_BYTES);
    }
    let mut position = FILE_HEAD_BYTES;
    while position < bytes.len() {
        match Frame::at(marker, &bytes[position..]) {
            Frame::Whole { head, length } => {
                let start = position + FRAME_HEAD_BYTES;
                scan.records.push(Record {
                    number: head.number,
                    at_micros: head.at_micros,
                    body: start..start + length,
                });
                position = start + length;
            }
            Frame::BodyDamaged { length } => {
                // Where bytes went missing, the next frame begins before this one's end.
                let end = position + FRAME_HEAD_BYTES + length;
                let end = next_head(marker, bytes, position + 1..end).unwrap_or(end);
                scan.damage.push(position..end);
                position = end;
            }
            Frame::Torn => {
                scan.torn_at = Some(position);
                break;
            }
            Frame::None => {
                let end = bytes.len();
                let end = next_head(marker, bytes, position + 1..end).unwrap_or(end);
                scan.damage.push(position..end);
                position = end;
            }
        }
    }
    Ok(scan)
}

struct Head {
    length: usize,
    number: u64,
    at_micros: u64,
    body_sum: [u8; SUM_BYTES],
}

/// What stands at a place of a file.
enum Frame {
    Whole { head: Head, length: usize },
    BodyDamaged { length: usize },
    Torn,
    None,
}

impl Frame {
    fn at(marker: Marker, rest: &[u8]) -> Self {
        let Some(head) = head(marker, rest) else {
            // A cut head begins as one does; a file system that grew the file before it wrote
            // leaves zeros.
            let begins = marker.0.to_be_bytes();
            let shown = rest.len().min(begins.len());
            let is_cut = rest.len() < FRAME_HEAD_BYTES && rest[..shown] == begins[..shown];
            return if is_cut || is_zero(rest) {
                Self::Torn
            } else {
                Self::None
            };
        };
        let length = head.length;
        // The head is whole, so the length is the one that was written.
        let Some(body) = rest.get(FRAME_HEAD_BYTES..FRAME_HEAD_BYTES + length) else {
            return Self::Torn;
        };
        if sum(body) == head.body_sum {
            Self::Whole { head, length }
        } else {
            Self::BodyDamaged { length }
        }
    }
}

/// The head at the begin of `rest`, if one is there and whole.
fn head(marker: Marker, rest: &[u8]) -> Option<Head> {
    let head = rest.get(..FRAME_HEAD_BYTES)?;
    if head[..8] != marker.0.to_be_bytes() || sum(&head[..36]) != head[36..] {
        return None;
    }
    Some(Head {
        length: u32::from_be_bytes(array(&head[8..12])) as usize,
        number: u64::from_be_bytes(array(&head[12..20])),
        at_micros: u64::from_be_bytes(array(&head[20..28])),
        body_sum: array(&head[28..36]),
    })
}

/// Where the first head is that begins in `range`.
fn next_head(marker: Marker, bytes: &[u8], mut range: Range<usize>) -> Option<usize> {
    let begins = marker.0.to_be_bytes();
    range.find(|start| {
        let rest = &bytes[*start..];
        rest.starts_with(&begins) && head(marker, rest).is_some()
    })
}

fn sum(bytes: &[u8]) -> [u8; SUM_BYTES] {
    array(&Digest::of(bytes).as_bytes()[..SUM_BYTES])
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes
        .try_into()
        .expect("the slice was cut to the array's length")
}

#[cfg(test)]
mod tests;
