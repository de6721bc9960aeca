//! Owns `verification_refused`: results that came too late, each after its worker lost its lease.

use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::row::ledger_row;

ledger_row! {
    /// A result that came too late to count.
    "verification_refused" RefusedRow [request_id, try_number, token] {
        /// The request.
        request_id: Uuid => SqlUuid,
        /// The try.
        try_number: i32 => Integer,
        /// The claim that it was worked on under.
        token: i64 => BigInt,
        /// Who ran it.
        worker: String => Text,
        /// What it would have been: `pass`, `fail`, `error` or `superseded`.
        result: String => Text,
        /// Why it would have been an error.
        cause: Option<String> => Nullable<Text>,
        /// Why it was refused.
        reason: String => Text,
        /// When the run began.
        started_at: Timestamp => Timestamptz,
        /// When it ended.
        finished_at: Timestamp => Timestamptz,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}
