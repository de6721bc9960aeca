//! Owns entry bundles (C2SP `tlog-tiles`): entries one after the other, each behind its length in
//! two bytes, big-endian.

use thiserror::Error;

/// Longest entry that a bundle can hold, in bytes.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// What is wrong with a bundle, or with an entry for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BundleError {
    /// The entry is too long.
    #[error("an entry of {0} bytes, and a bundle holds at most {ENTRY_BYTES_MAX} of one")]
    TooLong(usize),
    /// The bundle ends within an entry.
    #[error("entry {0} of the bundle is cut off")]
    Cut(usize),
    /// The bundle holds more or fewer entries than its name says.
    #[error("the bundle holds {found} entries, and its name says {expected}")]
    Count {
        /// As many as its name says.
        expected: u64,
        /// As many as it holds; one more than expected stands for any more.
        found: u64,
    },
}

/// Adds an entry to a bundle.
///
/// # Errors
/// [`BundleError::TooLong`]; the bundle is then as it was.
pub fn push(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), BundleError> {
    let length = u16::try_from(entry.len()).map_err(|_| BundleError::TooLong(entry.len()))?;
    bundle.extend(length.to_be_bytes());
    bundle.extend(entry);
    Ok(())
}

/// The entries of a bundle of this many.
///
/// # Errors
/// [`BundleError::Cut`] and [`BundleError::Count`].
pub fn entries(bundle: &[u8], count: u64) -> Result<Vec<&[u8]>, BundleError> {
    let mut found = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        if found.len() as u64 == count {
            return Err(BundleError::Count {
                expected: count,
                found: count + 1,
            });
        }
        let cut = BundleError::Cut(found.len());
        let (length, after) = rest.split_first_chunk::<2>().ok_or(cut)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, after) = after.split_at_checked(length).ok_or(cut)?;
        found.push(entry);
        rest = after;
    }
    let (expected, found_count) = (count, found.len() as u64);
    if found_count != expected {
        return Err(BundleError::Count {
            expected,
            found: found_count,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_reads_back_what_was_put_in() {
        let long = vec![b'x'; ENTRY_BYTES_MAX];
        let put: [&[u8]; 4] = [b"one", b"", &long, b"{}"];
        let mut bundle = Vec::new();
        for entry in put {
            push(&mut bundle, entry).unwrap();
        }
        assert_eq!(entries(&bundle, 4).unwrap(), put);
        assert!(bundle.starts_with(b"\x00\x03one\x00\x00\xff\xff"));
        assert_eq!(entries(b"", 0), Ok(vec![]));
    }

    #[test]
    fn an_entry_that_is_too_long_is_refused_and_leaves_the_bundle_alone() {
        let mut bundle = b"\x00\x01a".to_vec();
        let long = vec![b'x'; ENTRY_BYTES_MAX + 1];
        assert_eq!(push(&mut bundle, &long), Err(BundleError::TooLong(65_536)));
        assert_eq!(bundle, b"\x00\x01a");
    }

    #[test]
    fn a_bundle_that_is_cut_or_has_another_number_of_entries_is_refused() {
        let bundle = b"\x00\x01a\x00\x02bc";
        let count = |expected, found| Err(BundleError::Count { expected, found });
        for (bytes, expected, outcome) in [
            (&bundle[..], 2, Ok(vec![&b"a"[..], b"bc"])),
            (&bundle[..], 1, count(1, 2)),
            (&bundle[..], 3, count(3, 2)),
            (&bundle[..6], 2, Err(BundleError::Cut(1))),
            (&bundle[..4], 2, Err(BundleError::Cut(1))),
            (&bundle[..1], 2, Err(BundleError::Cut(0))),
            (&bundle[..0], 2, count(2, 0)),
        ] {
            assert_eq!(entries(bytes, expected), outcome);
        }
    }
}
