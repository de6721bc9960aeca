//! Owns what is known of a file of the spool that is not written to any more.

use crate::spool::segment::Name;

/// A file that is not written to any more.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) name: Name,
    /// Bytes that count: what may stand behind them was never promised.
    pub(crate) bytes: u64,
    /// Bytes that it takes on the disk.
    pub(crate) disk_bytes: u64,
    pub(crate) records: u64,
    pub(crate) oldest_micros: u64,
    /// Damaged places that were reported already.
    pub(crate) damage_known: usize,
}

/// What a person must look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Aside {
    /// Parts of it are no records.
    Damaged,
    /// The bus will not have some of it.
    Refused,
}

impl Aside {
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Damaged => ".damaged",
            Self::Refused => ".refused",
        }
    }
}
