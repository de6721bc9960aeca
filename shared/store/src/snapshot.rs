//! Owns `snapshot`: a preserved tree, one row a session and digest.

use contract::digest::Digest;
use contract::ids::SessionId;
use contract::time::Timestamp;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// A preserved tree.
    "snapshot" SnapshotRow [id] {
        /// The snapshot.
        id: Uuid => SqlUuid,
        /// The session whose objects it is of.
        lab_session_id: Uuid => SqlUuid,
        /// Digest of its manifest.
        digest: String => Text,
        /// How many files it has.
        files: i32 => Integer,
        /// Their bytes together.
        bytes: i64 => BigInt,
        /// What built it, with its version.
        builder: String => Text,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// A session's snapshots with these digests; those that are there.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    session: SessionId,
    digests: &[Digest],
) -> Result<Vec<SnapshotRow>, StoreError> {
    let digests: Vec<String> = digests.iter().map(Digest::to_string).collect();
    let text = "SELECT * FROM snapshot WHERE lab_session_id = $1 AND digest = ANY($2)";
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(session.as_uuid())
        .bind::<Array<Text>, _>(digests)
        .load(conn)
        .await?)
}
