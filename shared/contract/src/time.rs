//! Owns the timestamp: UTC, in whole microseconds, because that is what the ledger keeps.

use chrono::{DateTime, SubsecRound, Utc};

/// A moment in UTC. Minted by [`now`] or truncated by [`to_micros`] before it is digested or
/// stored, so that what the ledger gives back is what was digested.
pub type Timestamp = DateTime<Utc>;

/// The present moment, in whole microseconds.
pub fn now() -> Timestamp {
    to_micros(Utc::now())
}

/// Drops what is smaller than a microsecond.
pub fn to_micros(at: Timestamp) -> Timestamp {
    at.trunc_subsecs(6)
}

/// The canonical text: RFC 3339 with six decimals and `Z`.
pub fn to_text(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}
