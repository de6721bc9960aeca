//! Owns how comparisons with the forges stand: the newest of them, and which of the gaps that they
//! found are closed by now. A gap is closed once its delivery has a receipt.

use contract::name::SourceName;
use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::reconciliation::ReconciliationRow;

/// A gap, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, QueryableByName)]
pub struct Gap {
    /// The comparison that found it first.
    #[diesel(sql_type = SqlUuid)]
    pub reconciliation_id: Uuid,
    /// The source.
    #[diesel(sql_type = Text)]
    pub source: String,
    /// `delivery-failed`, `delivery-lost` or `ref`.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// The forge's id of the delivery, or the id under which a ref's push is recorded.
    #[diesel(sql_type = Text)]
    pub subject: String,
    /// The repository, where it is known.
    #[diesel(sql_type = Nullable<Text>)]
    pub repository: Option<String>,
    /// The whole ref.
    #[diesel(sql_type = Nullable<Text>)]
    pub ref_name: Option<String>,
    /// Where it was found.
    #[diesel(sql_type = Nullable<Text>)]
    pub after_sha: Option<String>,
    /// When the forge says that it first tried to deliver.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub first_attempt_at: Option<Timestamp>,
    /// The status that the forge got last.
    #[diesel(sql_type = Nullable<Integer>)]
    pub last_status: Option<i32>,
    /// What was decided: `redelivery`, `record` or `none`.
    #[diesel(sql_type = Text)]
    pub action: String,
    /// When it was found.
    #[diesel(sql_type = Timestamptz)]
    pub found_at: Timestamp,
    /// When its delivery was recorded; `None` while it is missing.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub closed_at: Option<Timestamp>,
    /// Whether it is missing, and older than the forge keeps: nobody makes it again.
    #[diesel(sql_type = Bool)]
    pub expired: bool,
}

/// How many gaps of one source and kind there are.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, QueryableByName)]
pub struct Standing {
    /// The source.
    #[diesel(sql_type = Text)]
    pub source: String,
    /// `delivery-failed`, `delivery-lost` or `ref`.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// All that were ever found.
    #[diesel(sql_type = BigInt)]
    pub found: i64,
    /// Those whose delivery is recorded.
    #[diesel(sql_type = BigInt)]
    pub closed: i64,
    /// Those that are missing and can still come.
    #[diesel(sql_type = BigInt)]
    pub open: i64,
    /// Those that are missing, and that the forge does not keep any more.
    #[diesel(sql_type = BigInt)]
    pub expired: i64,
    /// Since when the oldest of the open ones is missing: the forge's first try, or when it was
    /// found.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub oldest_open_at: Option<Timestamp>,
}

/// How gaps stand, for each source and kind that has any. A delivery that was first tried before
/// `kept_since` is one that no forge makes again.
///
/// # Errors
/// What the database answers.
pub async fn standing(
    conn: &mut AsyncPgConnection,
    kept_since: Timestamp,
) -> Result<Vec<Standing>, StoreError> {
    Ok(sql_query(include_str!("gap_standing.sql"))
        .bind::<Timestamptz, _>(kept_since)
        .load(conn)
        .await?)
}

/// The gaps of a source, or of all, that can still be closed first, then the newest, at most
/// `limit`.
///
/// # Errors
/// What the database answers.
pub async fn gaps(
    conn: &mut AsyncPgConnection,
    source: Option<&SourceName>,
    kept_since: Timestamp,
    limit: i64,
) -> Result<Vec<Gap>, StoreError> {
    Ok(sql_query(include_str!("gaps.sql"))
        .bind::<Nullable<Text>, _>(source.map(SourceName::as_str))
        .bind::<Timestamptz, _>(kept_since)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// The newest comparisons of a source, or of all, the newest first, at most `limit`.
///
/// # Errors
/// What the database answers.
pub async fn comparisons(
    conn: &mut AsyncPgConnection,
    source: Option<&SourceName>,
    limit: i64,
) -> Result<Vec<ReconciliationRow>, StoreError> {
    let text = "SELECT * FROM reconciliation WHERE $1 IS NULL OR source = $1 \
                ORDER BY began_at DESC, id DESC LIMIT $2";
    Ok(sql_query(text)
        .bind::<Nullable<Text>, _>(source.map(SourceName::as_str))
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}
