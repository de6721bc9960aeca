//! Owns `erasure`, who was erased, and `legal_hold`, who must not be.

use contract::time::Timestamp;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::{ledger_row, select_text};

/// What a row of a hold says.
pub const HELD: &str = "held";
/// What a row says that ends a hold.
pub const RELEASED: &str = "released";

ledger_row! {
    /// A person was erased: what was received of it up to then is gone, and does not come back.
    "erasure" ErasureRow [id] {
        /// The row.
        id: Uuid => SqlUuid,
        /// The command.
        command_id: Uuid => SqlUuid,
        /// The person.
        principal_id: Uuid => SqlUuid,
        /// Up to when.
        erased_at: Timestamp => Timestamptz,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

ledger_row! {
    /// A person is held, or released again.
    "legal_hold" HoldRow [id] {
        /// The row.
        id: Uuid => SqlUuid,
        /// The command.
        command_id: Uuid => SqlUuid,
        /// The person.
        principal_id: Uuid => SqlUuid,
        /// [`HELD`] or [`RELEASED`].
        action: String => Text,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// The erasures of these people.
///
/// # Errors
/// What the database answers.
pub async fn of_people(
    conn: &mut AsyncPgConnection,
    people: &[Uuid],
) -> Result<Vec<ErasureRow>, StoreError> {
    let query = sql_query(select_text::<ErasureRow>("WHERE principal_id = ANY($1)"))
        .bind::<Array<SqlUuid>, _>(people);
    Ok(crate::prepared::RunPrepared::load(query, conn).await?)
}

/// Every erasure, in the order of their rows' ids, at most `limit` beyond one.
///
/// # Errors
/// What the database answers.
pub async fn all(
    conn: &mut AsyncPgConnection,
    beyond: Uuid,
    limit: i64,
) -> Result<Vec<ErasureRow>, StoreError> {
    Ok(
        sql_query("SELECT * FROM erasure WHERE id > $1 ORDER BY id LIMIT $2")
            .bind::<SqlUuid, _>(beyond)
            .bind::<BigInt, _>(limit)
            .load(conn)
            .await?,
    )
}

/// Of these people, those under a hold, each with the row that holds it.
///
/// # Errors
/// What the database answers.
pub async fn held(
    conn: &mut AsyncPgConnection,
    people: &[Uuid],
) -> Result<Vec<HoldRow>, StoreError> {
    let text = "SELECT * FROM ( \
                    SELECT DISTINCT ON (principal_id) * FROM legal_hold \
                    WHERE principal_id = ANY($1) \
                    ORDER BY principal_id, recorded_at DESC, id DESC) AS newest \
                WHERE action = 'held'";
    Ok(sql_query(text)
        .bind::<Array<SqlUuid>, _>(people)
        .load(conn)
        .await?)
}

/// Keeps others from holding, releasing and erasing until the transaction ends: each is decided by
/// what the one before it wrote.
///
/// # Errors
/// What the database answers.
pub async fn lock(conn: &mut AsyncPgConnection) -> Result<(), StoreError> {
    sql_query("SELECT pg_advisory_xact_lock(hashtext('erasure'))")
        .execute(conn)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    repository: String,
}

/// The repositories that these people pushed to, or whose attempts they wrote.
///
/// # Errors
/// What the database answers.
pub async fn repositories_of(
    conn: &mut AsyncPgConnection,
    people: &[Uuid],
) -> Result<Vec<String>, StoreError> {
    let text = "SELECT repository FROM push WHERE pusher_id = ANY($1) \
                UNION SELECT push.repository FROM lab_attempt AS attempt \
                JOIN push ON push.id = attempt.push_id WHERE attempt.author_id = ANY($1)";
    let names: Vec<Name> = sql_query(text)
        .bind::<Array<SqlUuid>, _>(people)
        .load(conn)
        .await?;
    Ok(names.into_iter().map(|name| name.repository).collect())
}

#[derive(QueryableByName)]
struct Person {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The authors whom nobody but these people pushed for: who they are is known from their pushes
/// alone.
///
/// # Errors
/// What the database answers.
pub async fn authors_of(
    conn: &mut AsyncPgConnection,
    people: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    let found: Vec<Person> = sql_query(include_str!("erasure_authors.sql"))
        .bind::<Array<SqlUuid>, _>(people)
        .load(conn)
        .await?;
    Ok(found.into_iter().map(|person| person.id).collect())
}

/// The erasures of one command.
///
/// # Errors
/// What the database answers.
pub async fn of_command(
    conn: &mut AsyncPgConnection,
    command: Uuid,
) -> Result<Vec<ErasureRow>, StoreError> {
    Ok(sql_query("SELECT * FROM erasure WHERE command_id = $1")
        .bind::<SqlUuid, _>(command)
        .load(conn)
        .await?)
}

/// How much is somebody's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, QueryableByName)]
pub struct Theirs {
    /// Attempts that they pushed, or wrote where nobody is known to have pushed.
    #[diesel(sql_type = BigInt)]
    pub attempts: i64,
    /// Snapshots of those, and of nobody else's.
    #[diesel(sql_type = BigInt)]
    pub snapshots: i64,
    /// Logs of those.
    #[diesel(sql_type = BigInt)]
    pub logs: i64,
}

/// How much of what was received up to a moment is these people's.
///
/// # Errors
/// What the database answers.
pub async fn theirs(
    conn: &mut AsyncPgConnection,
    people: &[Uuid],
    until: Timestamp,
) -> Result<Theirs, StoreError> {
    Ok(sql_query(include_str!("erasure_theirs.sql"))
        .bind::<Array<SqlUuid>, _>(people)
        .bind::<Timestamptz, _>(until)
        .get_result(conn)
        .await?)
}
