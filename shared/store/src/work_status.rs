//! Owns `work.status_due` (attempts of which there may be something to tell the forge) and
//! `work.status_trouble` (where a forge refuses us). No part of the ledger.

use contract::name::SourceName;
use contract::time::Timestamp;
use diesel::sql_types::{Array, BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;

/// What an entry of the log is about: keys of its rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hints {
    /// Attempts.
    pub attempts: Vec<Uuid>,
    /// Requests to verify.
    pub requests: Vec<Uuid>,
    /// Verifications.
    pub verifications: Vec<Uuid>,
}

/// An attempt of which there may be something to tell.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct Due {
    /// The attempt.
    #[diesel(sql_type = SqlUuid)]
    pub lab_attempt_id: Uuid,
    /// Its repository.
    #[diesel(sql_type = Text)]
    pub repository: String,
    /// How many hints there were.
    #[diesel(sql_type = BigInt)]
    pub hints: i64,
}

/// Where a forge refuses us.
#[derive(Clone, Debug, PartialEq, serde::Serialize, QueryableByName)]
pub struct Trouble {
    /// The source.
    #[diesel(sql_type = Text)]
    pub source: String,
    /// The repository; empty for the whole source.
    #[diesel(sql_type = Text)]
    pub repository: String,
    /// What it answers.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// Since when.
    #[diesel(sql_type = Timestamptz)]
    pub since: Timestamp,
    /// When it is tried again.
    #[diesel(sql_type = Timestamptz)]
    pub again_at: Timestamp,
}

/// Notes the attempts that these hints are about, of these sources.
///
/// # Errors
/// What the database answers.
pub async fn note(
    conn: &mut AsyncPgConnection,
    hints: &Hints,
    sources: &[&str],
    now: Timestamp,
) -> Result<(), StoreError> {
    sql_query(include_str!("work_status_note.sql"))
        .bind::<Array<SqlUuid>, _>(&hints.attempts)
        .bind::<Array<SqlUuid>, _>(&hints.requests)
        .bind::<Array<SqlUuid>, _>(&hints.verifications)
        .bind::<Array<Text>, _>(sources)
        .bind::<Timestamptz, _>(now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes the attempts of a source whose newest request since `since` was not told of; gives how
/// many were not noted before.
///
/// # Errors
/// What the database answers.
pub async fn sweep(
    conn: &mut AsyncPgConnection,
    source: &SourceName,
    since: Timestamp,
    now: Timestamp,
) -> Result<usize, StoreError> {
    Ok(sql_query(include_str!("work_status_sweep.sql"))
        .bind::<Text, _>(source.as_str())
        .bind::<Timestamptz, _>(since)
        .bind::<Timestamptz, _>(now)
        .execute(conn)
        .await?)
}

/// What is due of a source, the longest first, at most `limit`; without what waits for a trouble.
///
/// # Errors
/// What the database answers.
pub async fn due(
    conn: &mut AsyncPgConnection,
    source: &SourceName,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    let text = "SELECT lab_attempt_id, repository, hints FROM work.status_due AS due \
                WHERE source = $1 AND NOT EXISTS (SELECT FROM work.status_trouble AS trouble \
                    WHERE trouble.source = due.source \
                    AND trouble.repository IN ('', due.repository) AND trouble.again_at > $2) \
                ORDER BY noted_at, lab_attempt_id LIMIT $3";
    Ok(sql_query(text)
        .bind::<Text, _>(source.as_str())
        .bind::<Timestamptz, _>(now)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// Forgets what was due, unless there was another hint since.
///
/// # Errors
/// What the database answers.
pub async fn done(conn: &mut AsyncPgConnection, due: &Due) -> Result<(), StoreError> {
    sql_query("DELETE FROM work.status_due WHERE lab_attempt_id = $1 AND hints = $2")
        .bind::<SqlUuid, _>(due.lab_attempt_id)
        .bind::<BigInt, _>(due.hints)
        .execute(conn)
        .await?;
    Ok(())
}

/// The troubles there are, by source and repository.
///
/// # Errors
/// What the database answers.
pub async fn troubles(conn: &mut AsyncPgConnection) -> Result<Vec<Trouble>, StoreError> {
    let text = "SELECT * FROM work.status_trouble ORDER BY source, repository";
    Ok(sql_query(text).load(conn).await?)
}

/// Notes a trouble; one that was there before keeps its beginning.
///
/// # Errors
/// What the database answers.
pub async fn trouble(conn: &mut AsyncPgConnection, one: &Trouble) -> Result<(), StoreError> {
    let text = "INSERT INTO work.status_trouble (source, repository, reason, since, again_at) \
                VALUES ($1, $2, $3, $4, $5) ON CONFLICT (source, repository) \
                DO UPDATE SET reason = excluded.reason, again_at = excluded.again_at";
    sql_query(text)
        .bind::<Text, _>(&one.source)
        .bind::<Text, _>(&one.repository)
        .bind::<Text, _>(&one.reason)
        .bind::<Timestamptz, _>(one.since)
        .bind::<Timestamptz, _>(one.again_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends the troubles of these places of a source; the empty one is the source itself.
///
/// # Errors
/// What the database answers.
pub async fn mended(
    conn: &mut AsyncPgConnection,
    source: &SourceName,
    places: &[&str],
) -> Result<(), StoreError> {
    sql_query("DELETE FROM work.status_trouble WHERE source = $1 AND repository = ANY($2)")
        .bind::<Text, _>(source.as_str())
        .bind::<Array<Text>, _>(places)
        .execute(conn)
        .await?;
    Ok(())
}

/// Lets everything of a source be tried again now: its settings changed.
///
/// # Errors
/// What the database answers.
pub async fn try_again(
    conn: &mut AsyncPgConnection,
    source: &SourceName,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql_query("UPDATE work.status_trouble SET again_at = $2 WHERE source = $1 AND again_at > $2")
        .bind::<Text, _>(source.as_str())
        .bind::<Timestamptz, _>(now)
        .execute(conn)
        .await?;
    Ok(())
}

/// What waits to be told.
#[derive(Clone, Debug, PartialEq, serde::Serialize, QueryableByName)]
pub struct Waiting {
    /// The source.
    #[diesel(sql_type = Text)]
    pub source: String,
    /// Attempts.
    #[diesel(sql_type = BigInt)]
    pub attempts: i64,
}

/// How much waits to be told, by source.
///
/// # Errors
/// What the database answers.
pub async fn waiting(conn: &mut AsyncPgConnection) -> Result<Vec<Waiting>, StoreError> {
    let text = "SELECT source, count(*) AS attempts FROM work.status_due GROUP BY source \
                ORDER BY source";
    Ok(sql_query(text).load(conn).await?)
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Tries to be the one that tells of this source, for as long as the connection lives: that one
/// belongs to no pool. Whoever has it may ask again.
///
/// # Errors
/// What the database answers.
pub async fn try_lock(
    conn: &mut AsyncPgConnection,
    source: &SourceName,
) -> Result<bool, StoreError> {
    let text = "SELECT pg_try_advisory_lock(hashtextextended('status:' || $1, 0)) AS yes";
    let answer: Answer = sql_query(text)
        .bind::<Text, _>(source.as_str())
        .get_result(conn)
        .await?;
    Ok(answer.yes)
}

/// Whether the connection that has the lock still lives.
///
/// # Errors
/// What the database answers, if it does.
pub async fn still_locked(conn: &mut AsyncPgConnection) -> Result<(), StoreError> {
    sql_query("SELECT 1").execute(conn).await?;
    Ok(())
}
