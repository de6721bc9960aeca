//! Owns `push`: what a delivery says of one ref.

use std::collections::HashSet;

use contract::ids::{PushId, SessionId};
use contract::time::Timestamp;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// What a delivery says of one ref.
    "push" PushRow [id] {
        /// The push.
        id: Uuid => SqlUuid,
        /// The delivery that says it.
        delivery_id: Uuid => SqlUuid,
        /// The body that says it: the same delivery id may come with another one.
        body_digest: String => Text,
        /// The repository, `source:owner/name`.
        repository: String => Text,
        /// The whole ref: `refs/heads/main`.
        ref_name: String => Text,
        /// `branch`, `tag` or `other`.
        kind: String => Text,
        /// The ref before; `None` when it was created.
        before_sha: Option<String> => Nullable<Text>,
        /// The commit after; `None` when the ref was deleted.
        after_sha: Option<String> => Nullable<Text>,
        /// Whether the forge says that history was rewritten.
        forced: bool => Bool,
        /// How many commits the payload lists.
        commits_listed: i32 => Integer,
        /// Who pushed.
        pusher_id: Option<Uuid> => Nullable<SqlUuid>,
        /// When the delivery was admitted.
        received_at: Timestamp => Timestamptz,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// The pushes of these deliveries.
///
/// # Errors
/// What the database answers.
pub async fn of_deliveries(
    conn: &mut AsyncPgConnection,
    deliveries: &[Uuid],
) -> Result<Vec<PushRow>, StoreError> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sql_query("SELECT * FROM push WHERE delivery_id = ANY($1)")
        .bind::<Array<SqlUuid>, _>(deliveries)
        .load(conn)
        .await?)
}

/// The push, if there is one.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    push: PushId,
) -> Result<Option<PushRow>, StoreError> {
    Ok(sql_query("SELECT * FROM push WHERE id = $1")
        .bind::<SqlUuid, _>(push.as_uuid())
        .get_result(conn)
        .await
        .optional()?)
}

/// A commit whose history a push did not bring.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct PastCommit {
    /// The commit.
    #[diesel(sql_type = Text)]
    pub sha: String,
    /// Whether it bounds every push; else only one whose ref was nothing before, or nothing that
    /// is left.
    #[diesel(sql_type = Bool)]
    pub always: bool,
}

/// What bounds the commits that a push brought to a session, beside what its ref was before: the
/// lab's own history, where an enrolled session began, and the newest `heads_max` commits that
/// earlier pushes led to. In a transaction [by keys](crate::transaction::by_keys).
///
/// # Errors
/// What the database answers.
pub async fn past(
    conn: &mut AsyncPgConnection,
    push: PushId,
    session: SessionId,
    heads_max: i64,
) -> Result<Vec<PastCommit>, StoreError> {
    let query = sql_query(include_str!("push_past.sql"))
        .bind::<SqlUuid, _>(push.as_uuid())
        .bind::<SqlUuid, _>(session.as_uuid())
        .bind::<BigInt, _>(heads_max);
    Ok(crate::prepared::RunPrepared::load(query, conn).await?)
}

#[derive(QueryableByName)]
struct FoundBefore {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Which of these pushes reconciler had found in git before their own delivery came: a push that it
/// made leads the same ref to the same commit, and the ref has not been seen to leave it since.
///
/// # Errors
/// What the database answers.
pub async fn found_before(
    conn: &mut AsyncPgConnection,
    pushes: &[Uuid],
) -> Result<HashSet<Uuid>, StoreError> {
    if pushes.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<FoundBefore> = sql_query(include_str!("push_found_before.sql"))
        .bind::<Array<SqlUuid>, _>(pushes)
        .bind::<Text, _>(contract::delivery::REF_FOUND)
        .load(conn)
        .await?;
    Ok(found.into_iter().map(|row| row.id).collect())
}
