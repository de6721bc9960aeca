//! Owns `snapshot`: a preserved tree, one row a session and digest; another one where it was pushed
//! again after it was removed.

use contract::digest::Digest;
use contract::ids::SessionId;
use contract::time::Timestamp;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{QueryableByName, sql_query};
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use crate::error::StoreError;
use crate::prepared::RunPrepared;
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
        /// How often the session's same tree had been removed before it was preserved; `None` for
        /// never, and then the row's text is without it, as rows were that are older than this.
        #[serde(skip_serializing_if = "Option::is_none")]
        again: Option<i32> => Nullable<Integer>,
    }
}

/// A session's newest snapshot of a tree.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Newest {
    /// The snapshot.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// Digest of its manifest.
    #[diesel(sql_type = Text)]
    pub digest: String,
    /// How often the tree had been removed before.
    #[diesel(sql_type = Integer)]
    pub again: i32,
    /// Whether it was removed.
    #[diesel(sql_type = Bool)]
    pub removed: bool,
}

/// A session's newest snapshots with these digests; of those that it has or had. In a transaction
/// [by keys](crate::transaction::by_keys).
///
/// # Errors
/// What the database answers.
pub async fn newest(
    conn: &mut AsyncPgConnection,
    session: SessionId,
    digests: &[Digest],
) -> Result<Vec<Newest>, StoreError> {
    let digests: Vec<String> = digests.iter().map(Digest::to_string).collect();
    let text = "SELECT DISTINCT ON (digest) id, digest, coalesce(again, 0) AS again, EXISTS ( \
                SELECT FROM removal WHERE kind = 'snapshot' AND subject_id = snapshot.id) AS removed \
                FROM snapshot WHERE lab_session_id = $1 AND digest = ANY($2) \
                ORDER BY digest, coalesce(again, 0) DESC";
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(session.as_uuid())
        .bind::<Array<Text>, _>(digests)
        .load(conn)
        .await?)
}
