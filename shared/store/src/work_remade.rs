//! Owns `work_remade`: work that was asked for again, since its message was in no queue any more.

use contract::time::Timestamp;
use diesel::sql_types::{Integer, Nullable, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::row::ledger_row;

ledger_row! {
    /// One asking for work that was lost.
    "work_remade" RemadeRow [id] {
        /// The asking.
        id: Uuid => SqlUuid,
        /// The attempt.
        lab_attempt_id: Uuid => SqlUuid,
        /// The request that has no result; `None` where the tree alone is asked for.
        request_id: Option<Uuid> => Nullable<SqlUuid>,
        /// The try that is asked for.
        try_number: i32 => Integer,
        /// The how manieth asking it is, from 1.
        number: i32 => Integer,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}
