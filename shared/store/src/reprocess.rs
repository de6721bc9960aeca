//! Owns what reprocessing asks of the ledger: which attempts a selection means, page by page.

mod narrow;
pub mod order;

use contract::reprocess::{Looked, Selection};
use contract::time::Timestamp;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::reprocess::narrow::{Bound, Narrowed, newest};

/// An attempt that was looked at, with what verifying it again needs.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct Scanned {
    /// The attempt.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// When it was received.
    #[diesel(sql_type = Timestamptz)]
    pub received_at: Timestamp,
    /// Whether the selection means it.
    #[diesel(sql_type = Bool)]
    pub chosen: bool,
    /// Its commit.
    #[diesel(sql_type = Text)]
    pub commit_sha: String,
    /// The branch it was pushed to.
    #[diesel(sql_type = Text)]
    pub branch: String,
    /// Its trace.
    #[diesel(sql_type = Text)]
    pub trace_id: String,
    /// Its delivery.
    #[diesel(sql_type = SqlUuid)]
    pub delivery_id: Uuid,
    /// Its push.
    #[diesel(sql_type = SqlUuid)]
    pub push_id: Uuid,
    /// The ref before the push.
    #[diesel(sql_type = Nullable<Text>)]
    pub before_sha: Option<String>,
    /// The commit after the push.
    #[diesel(sql_type = Nullable<Text>)]
    pub after_sha: Option<String>,
    /// Its session.
    #[diesel(sql_type = SqlUuid)]
    pub session_id: Uuid,
    /// The repository.
    #[diesel(sql_type = Text)]
    pub repository: String,
    /// The commit that the session started from.
    #[diesel(sql_type = Nullable<Text>)]
    pub starting_commit: Option<String>,
    /// The lab version that the session is pinned to.
    #[diesel(sql_type = SqlUuid)]
    pub pinned_version: Uuid,
    /// The lab's newest version at that moment; `None` if it had none yet.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub newest_version: Option<Uuid>,
    /// Digest of the preserved tree.
    #[diesel(sql_type = Nullable<Text>)]
    pub snapshot_digest: Option<String>,
}

/// An attempt of a selection, as a plan shows it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, QueryableByName)]
pub struct Sampled {
    /// The attempt.
    #[diesel(sql_type = SqlUuid)]
    pub attempt: Uuid,
    /// The repository.
    #[diesel(sql_type = Text)]
    pub repository: String,
    /// Its commit.
    #[diesel(sql_type = Text)]
    pub commit_sha: String,
    /// When it was received.
    #[diesel(sql_type = Timestamptz)]
    pub received_at: Timestamp,
    /// Its newest result.
    #[diesel(sql_type = Nullable<Text>)]
    pub result: Option<String>,
    /// Why an error is one.
    #[diesel(sql_type = Nullable<Text>)]
    pub cause: Option<String>,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many attempts a selection means, judged as of a moment.
///
/// # Errors
/// What the database answers.
pub async fn count(
    conn: &mut AsyncPgConnection,
    selection: &Selection,
    as_of: Timestamp,
) -> Result<i64, StoreError> {
    let mut narrowed = Narrowed::default();
    let moment = narrowed.place(Bound::Time(as_of));
    narrowed.by(selection);
    let text = format!(
        "SELECT count(*) AS count FROM lab_attempt AS attempt \
         JOIN lab_session AS session ON session.id = attempt.lab_session_id {} \
         WHERE attempt.recorded_at <= {moment}{} AND {}",
        newest(&moment),
        narrowed.attempt,
        narrowed.chosen,
    );
    let counted: Counted = narrowed.query(text).get_result(conn).await?;
    Ok(counted.count)
}

/// The first attempts that a selection means, judged as of a moment; at most `limit`.
///
/// # Errors
/// What the database answers.
pub async fn sample(
    conn: &mut AsyncPgConnection,
    selection: &Selection,
    as_of: Timestamp,
    limit: i64,
) -> Result<Vec<Sampled>, StoreError> {
    let mut narrowed = Narrowed::default();
    let moment = narrowed.place(Bound::Time(as_of));
    narrowed.by(selection);
    let limit = narrowed.place(Bound::Number(limit));
    let text = format!(
        "SELECT attempt.id AS attempt, session.repository, attempt.commit_sha, \
             attempt.received_at, newest.result, newest.cause \
         FROM lab_attempt AS attempt \
         JOIN lab_session AS session ON session.id = attempt.lab_session_id {} \
         WHERE attempt.recorded_at <= {moment}{} AND {} \
         ORDER BY attempt.received_at, attempt.id LIMIT {limit}",
        newest(&moment),
        narrowed.attempt,
        narrowed.chosen,
    );
    Ok(narrowed.query(text).load(conn).await?)
}

/// The next attempts in the order of their reception, at most `limit`, each with whether the
/// selection means it. Looks at no more than it gives back, however few are meant.
///
/// # Errors
/// What the database answers.
pub async fn page(
    conn: &mut AsyncPgConnection,
    selection: &Selection,
    as_of: Timestamp,
    after: Option<Looked>,
    limit: i64,
) -> Result<Vec<Scanned>, StoreError> {
    let (narrowed, text) = page_text(selection, as_of, after, limit);
    Ok(narrowed.query(text).load(conn).await?)
}

/// How the database would go through a page, line by line: for the test that every step of it uses
/// an index.
///
/// # Errors
/// What the database answers.
pub async fn explain_page(
    conn: &mut AsyncPgConnection,
    selection: &Selection,
    as_of: Timestamp,
    after: Option<Looked>,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let (narrowed, text) = page_text(selection, as_of, after, limit);
    let query = narrowed.query(format!("EXPLAIN {text}"));
    let lines: Vec<Line> = query.load(conn).await?;
    Ok(lines.into_iter().map(|line| line.line).collect())
}

fn page_text(
    selection: &Selection,
    as_of: Timestamp,
    after: Option<Looked>,
    limit: i64,
) -> (Narrowed, String) {
    let mut narrowed = Narrowed::default();
    let moment = narrowed.place(Bound::Time(as_of));
    narrowed.by(selection);
    let beyond = after.map_or(String::new(), |after| {
        let at = narrowed.place(Bound::Time(after.received_at));
        let id = narrowed.place(Bound::Id(after.attempt.as_uuid()));
        format!(" AND (attempt.received_at, attempt.id) > ({at}, {id})")
    });
    let limit = narrowed.place(Bound::Number(limit));
    let text = include_str!("reprocess_page.sql")
        .replace("{moment}", &moment)
        .replace("{beyond}", &beyond)
        .replace("{attempt}", &narrowed.attempt)
        .replace("{newest}", &newest(&moment))
        .replace("{chosen}", &narrowed.chosen)
        .replace("{limit}", &limit);
    (narrowed, text)
}
