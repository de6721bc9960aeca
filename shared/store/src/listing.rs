//! Owns `listing_due` and `listing_part`: pushes whose commits git must list, and what it said.

use contract::time::Timestamp;
use diesel::sql_types::{Integer, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::row::ledger_row;

ledger_row! {
    /// A push whose payload does not list all of its commits, in a session.
    "listing_due" ListingDueRow [id] {
        /// The row.
        id: Uuid => SqlUuid,
        /// The push.
        push_id: Uuid => SqlUuid,
        /// The session.
        lab_session_id: Uuid => SqlUuid,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

ledger_row! {
    /// A part of what git said of a push, recorded.
    "listing_part" ListingPartRow [push_id, lab_session_id, parts, part] {
        /// The push.
        push_id: Uuid => SqlUuid,
        /// The session.
        lab_session_id: Uuid => SqlUuid,
        /// How many parts there are.
        parts: i32 => Integer,
        /// Which one, from 0.
        part: i32 => Integer,
        /// How many commits it has.
        commits: i32 => Integer,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}
