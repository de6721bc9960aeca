//! Owns what the ledger knows to be unfinished: requests without a final result, attempts whose
//! tree nobody preserved, pushes whose commits git has not listed. Looked through by ranges of ids,
//! so that a look costs what the range holds.

use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;

/// A kind of unfinished work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Requests without a final result, by the request's id.
    Requests,
    /// Attempts that nobody asked to verify and whose tree is not preserved, by the attempt's id.
    Trees,
    /// Pushes whose commits git has not listed to the end, by the push's id: each with its head.
    Listings,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Requests, Self::Trees, Self::Listings];

    const fn text(self) -> &'static str {
        match self {
            Self::Requests => include_str!("unfinished_requests.sql"),
            Self::Trees => include_str!("unfinished_trees.sql"),
            Self::Listings => include_str!("unfinished_listings.sql"),
        }
    }

    const fn end_text(self) -> &'static str {
        match self {
            Self::Requests => {
                "SELECT id FROM verification_request WHERE id > $1 ORDER BY id OFFSET $2 LIMIT 1"
            }
            Self::Trees => "SELECT id FROM lab_attempt WHERE id > $1 ORDER BY id OFFSET $2 LIMIT 1",
            Self::Listings => {
                "SELECT push_id AS id FROM listing_due WHERE push_id > $1 ORDER BY push_id \
                 OFFSET $2 LIMIT 1"
            }
        }
    }
}

/// A range of ids: those above the first, up to the second and with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// Above this.
    pub after: Uuid,
    /// Up to this.
    pub to: Uuid,
}

/// Work that is not finished, with what asking for it again needs.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct Unfinished {
    /// Its place: the id that its kind goes by.
    #[diesel(sql_type = SqlUuid)]
    pub place: Uuid,
    /// The attempt.
    #[diesel(sql_type = SqlUuid)]
    pub attempt_id: Uuid,
    /// Its commit.
    #[diesel(sql_type = Text)]
    pub commit_sha: String,
    /// The ref of the push, whole.
    #[diesel(sql_type = Text)]
    pub ref_name: String,
    /// The push's delivery.
    #[diesel(sql_type = SqlUuid)]
    pub delivery_id: Uuid,
    /// The push.
    #[diesel(sql_type = SqlUuid)]
    pub push_id: Uuid,
    /// The ref before the push.
    #[diesel(sql_type = Nullable<Text>)]
    pub before_sha: Option<String>,
    /// The commit after the push.
    #[diesel(sql_type = Nullable<Text>)]
    pub after_sha: Option<String>,
    /// When the push was received.
    #[diesel(sql_type = Timestamptz)]
    pub received_at: Timestamp,
    /// The session.
    #[diesel(sql_type = SqlUuid)]
    pub session_id: Uuid,
    /// The repository.
    #[diesel(sql_type = Text)]
    pub repository: String,
    /// The commit that the session started from, where it was not opened by a pattern.
    #[diesel(sql_type = Nullable<Text>)]
    pub starting_commit: Option<String>,
    /// The lab version that the session is pinned to.
    #[diesel(sql_type = SqlUuid)]
    pub pinned_version: Uuid,
    /// Digest of the preserved tree.
    #[diesel(sql_type = Nullable<Text>)]
    pub snapshot_digest: Option<String>,
    /// The request.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub request_id: Option<Uuid>,
    /// The request's lane.
    #[diesel(sql_type = Nullable<Text>)]
    pub lane: Option<String>,
    /// Tries of the request that ended, each in an error that can heal.
    #[diesel(sql_type = Integer)]
    pub tries: i32,
    /// Whether the last of them ended so because the tree could not be had.
    #[diesel(sql_type = Bool)]
    pub tree_was_missing: bool,
    /// When the next try may begin.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub retry_at: Option<Timestamp>,
    /// Whether git must list the push's commits.
    #[diesel(sql_type = Bool)]
    pub lists: bool,
    /// How often it was asked for again.
    #[diesel(sql_type = BigInt)]
    pub remade: i64,
    /// When the ledger last heard of it.
    #[diesel(sql_type = Timestamptz)]
    pub changed_at: Timestamp,
}

#[derive(QueryableByName)]
struct End {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The end of the range above `after` that holds `rows` rows; `None` where fewer are left.
///
/// # Errors
/// What the database answers.
pub async fn range_end(
    conn: &mut AsyncPgConnection,
    kind: Kind,
    after: Uuid,
    rows: i64,
) -> Result<Option<Uuid>, StoreError> {
    let end: Option<End> = sql_query(kind.end_text())
        .bind::<SqlUuid, _>(after)
        .bind::<BigInt, _>(rows - 1)
        .get_result(conn)
        .await
        .optional()?;
    Ok(end.map(|end| end.id))
}

/// What is unfinished in a range, in the order of its places.
///
/// # Errors
/// What the database answers.
pub async fn within(
    conn: &mut AsyncPgConnection,
    kind: Kind,
    range: Range,
) -> Result<Vec<Unfinished>, StoreError> {
    Ok(sql_query(kind.text())
        .bind::<SqlUuid, _>(range.after)
        .bind::<SqlUuid, _>(range.to)
        .load(conn)
        .await?)
}

/// How the database would look through a range, line by line: for the test that it goes by indexes.
///
/// # Errors
/// What the database answers.
pub async fn explain(
    conn: &mut AsyncPgConnection,
    kind: Kind,
    range: Range,
) -> Result<Vec<String>, StoreError> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let lines: Vec<Line> = sql_query(format!("EXPLAIN {}", kind.text()))
        .bind::<SqlUuid, _>(range.after)
        .bind::<SqlUuid, _>(range.to)
        .load(conn)
        .await?;
    Ok(lines.into_iter().map(|line| line.line).collect())
}
