//! Owns `lab_attempt`: one commit pushed in a session.

use contract::time::Timestamp;
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::json::CanonicalJson;
use crate::row::ledger_row;

ledger_row! {
    /// One commit pushed in a session.
    "lab_attempt" AttemptRow [id] {
        /// The attempt.
        id: Uuid => SqlUuid,
        /// The session.
        lab_session_id: Uuid => SqlUuid,
        /// The push that first brought the commit.
        push_id: Uuid => SqlUuid,
        /// Its delivery.
        delivery_id: Uuid => SqlUuid,
        /// The commit.
        commit_sha: String => Text,
        /// The branch it was pushed to.
        branch: String => Text,
        /// The author's pseudonym.
        author_id: Option<Uuid> => Nullable<SqlUuid>,
        /// The paths that the payload says were changed, capped.
        changed_files: Option<CanonicalJson> => Nullable<Jsonb>,
        /// The commit's own time, as the payload or git has it.
        committed_at: Option<Timestamp> => Nullable<Timestamptz>,
        /// When the delivery was admitted.
        received_at: Timestamp => Timestamptz,
        /// `payload` or `git`: who named the commit.
        listed: String => Text,
        /// The trace of the delivery.
        trace_id: String => Text,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// An attempt by what makes it one.
#[derive(Clone, PartialEq, Eq, Debug, QueryableByName)]
pub struct AttemptName {
    /// The attempt.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The session.
    #[diesel(sql_type = SqlUuid)]
    pub lab_session_id: Uuid,
    /// The commit.
    #[diesel(sql_type = Text)]
    pub commit_sha: String,
}

/// The attempts with these sessions and commits, pair by pair; those that are there.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    sessions: &[Uuid],
    commits: &[&str],
) -> Result<Vec<AttemptRow>, StoreError> {
    if sessions.is_empty() {
        return Ok(Vec::new());
    }
    let text = "SELECT lab_attempt.* FROM lab_attempt \
                JOIN UNNEST($1, $2) AS wanted (session, commit) \
                ON lab_session_id = wanted.session AND commit_sha = wanted.commit";
    Ok(sql_query(text)
        .bind::<Array<SqlUuid>, _>(sessions)
        .bind::<Array<Text>, _>(commits)
        .load(conn)
        .await?)
}

/// The attempts with these sessions and commits, pair by pair; those that are there,
/// by their names alone.
///
/// # Errors
/// What the database answers.
pub async fn named(
    conn: &mut AsyncPgConnection,
    sessions: &[Uuid],
    commits: &[&str],
) -> Result<Vec<AttemptName>, StoreError> {
    if sessions.is_empty() {
        return Ok(Vec::new());
    }
    // Each asked by itself, by the index of its key: a plan that joins would read whole tables as
    // long as nobody has counted their rows.
    let text = "SELECT id, lab_session_id, commit_sha FROM ( \
                    SELECT session AS lab_session_id, commit AS commit_sha, \
                        (SELECT id FROM lab_attempt \
                         WHERE lab_session_id = session AND commit_sha = commit) AS id \
                    FROM UNNEST($1, $2) AS wanted (session, commit) \
                ) AS asked WHERE id IS NOT NULL";
    let query = sql_query(text)
        .bind::<Array<SqlUuid>, _>(sessions)
        .bind::<Array<Text>, _>(commits);
    Ok(crate::prepared::RunPrepared::load(query, conn).await?)
}
