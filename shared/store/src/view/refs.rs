//! Owns where the refs of a repository are, by the linkage of pushes and not by their arrival.

use contract::name::Repository;
use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;

/// Where a ref is, as far as pushes say.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, QueryableByName)]
pub struct RefHead {
    /// The repository, `source:owner/name`.
    #[diesel(sql_type = Text)]
    pub repository: String,
    /// The whole ref: `refs/heads/main`.
    #[diesel(sql_type = Text)]
    pub ref_name: String,
    /// `branch`, `tag` or `other`.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// The commit; `None` when the ref was deleted.
    #[diesel(sql_type = Nullable<Text>)]
    pub head_sha: Option<String>,
    /// When the newest push that led there was admitted.
    #[diesel(sql_type = Timestamptz)]
    pub received_at: Timestamp,
    /// Commits that a push began at and no push that we know led to, beside where the ref was when
    /// we first heard of it: pushes that never reached us. Always 0 for a tag.
    #[diesel(sql_type = BigInt)]
    pub gaps: i64,
}

/// A push between its neighbours.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, QueryableByName)]
pub struct PushLink {
    /// The push.
    #[diesel(sql_type = SqlUuid)]
    pub push_id: Uuid,
    /// The ref before; `None` when it was created.
    #[diesel(sql_type = Nullable<Text>)]
    pub before_sha: Option<String>,
    /// The commit after; `None` when the ref was deleted.
    #[diesel(sql_type = Nullable<Text>)]
    pub after_sha: Option<String>,
    /// When the delivery was admitted.
    #[diesel(sql_type = Timestamptz)]
    pub received_at: Timestamp,
    /// The push that led to where this one began.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub predecessor_id: Option<Uuid>,
    /// The push that began where this one led to.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub successor_id: Option<Uuid>,
    /// Whether no push that we know led to where this one began, though there was something.
    #[diesel(sql_type = Bool)]
    pub unmatched: bool,
}

/// Where each ref of a repository is: the deleted ones too, sorted by name.
///
/// # Errors
/// What the database answers.
pub async fn heads_of(
    conn: &mut AsyncPgConnection,
    repository: &Repository,
) -> Result<Vec<RefHead>, StoreError> {
    let text = "SELECT * FROM ref_head WHERE repository = $1 ORDER BY ref_name";
    Ok(sql_query(text)
        .bind::<Text, _>(repository.as_str())
        .load(conn)
        .await?)
}

/// The newest pushes of a ref by admission, at most `limit`, each with its neighbours.
///
/// # Errors
/// What the database answers.
pub async fn links_of(
    conn: &mut AsyncPgConnection,
    repository: &Repository,
    ref_name: &str,
    limit: i64,
) -> Result<Vec<PushLink>, StoreError> {
    let text = "SELECT * FROM push_link WHERE repository = $1 AND ref_name = $2 \
                ORDER BY received_at DESC, push_id LIMIT $3";
    Ok(sql_query(text)
        .bind::<Text, _>(repository.as_str())
        .bind::<Text, _>(ref_name)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}
