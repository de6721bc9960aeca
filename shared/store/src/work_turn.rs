//! Owns `work.turn`: whose turn it is in a session's live lane, and who waits for it. No part of the
//! ledger: what waits here lies in the bulk lane as well. All of it is asked and
//! told in transactions [by keys](crate::transaction::by_keys).

use contract::ids::{RequestId, SessionId};
use diesel::sql_types::{Bool, Integer, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::AsyncPgConnection;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::prepared::RunPrepared;

/// How long a turn holds that nobody takes or extends, in seconds: it may wait for its place in a
/// long queue.
pub const TURN_SECS: i32 = 900;

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// The request's.
    Ours,
    /// Another one's of the session; the request waits from now on.
    Others,
}

#[derive(QueryableByName)]
struct Holder {
    #[diesel(sql_type = SqlUuid)]
    request_id: Uuid,
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = Nullable<Jsonb>)]
    message: Option<Value>,
}

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Bool)]
    said: bool,
}

/// Takes the session's turn for a request, or lets it wait with its message. In a transaction.
///
/// # Errors
/// What the database answers.
pub async fn ask(
    conn: &mut AsyncPgConnection,
    session: SessionId,
    request: RequestId,
    message: &Value,
) -> Result<Turn, StoreError> {
    lock(conn, session).await?;
    let text = "SELECT request_id FROM work.turn \
                WHERE lab_session_id = $1 AND held_until > clock_timestamp() LIMIT 1";
    let holder: Option<Holder> = sql_query(text)
        .bind::<SqlUuid, _>(session.as_uuid())
        .get_result(conn)
        .await
        .optional()?;
    if holder.is_some_and(|holder| holder.request_id != request.as_uuid()) {
        let text = "INSERT INTO work.turn (request_id, lab_session_id, message) \
                    VALUES ($1, $2, $3) ON CONFLICT (request_id) DO UPDATE \
                    SET message = excluded.message WHERE turn.message IS NULL";
        sql_query(text)
            .bind::<SqlUuid, _>(request.as_uuid())
            .bind::<SqlUuid, _>(session.as_uuid())
            .bind::<Jsonb, _>(message)
            .execute(conn)
            .await?;
        return Ok(Turn::Others);
    }
    // A turn that nobody took in time is over: whoever had it waits again, or was never to wait.
    sql_query("UPDATE work.turn SET held_until = NULL WHERE lab_session_id = $1")
        .bind::<SqlUuid, _>(session.as_uuid())
        .execute(conn)
        .await?;
    let text = "INSERT INTO work.turn (request_id, lab_session_id, held_until) \
                VALUES ($1, $2, clock_timestamp() + $3 * interval '1 second') \
                ON CONFLICT (request_id) DO UPDATE SET held_until = excluded.held_until";
    sql_query(text)
        .bind::<SqlUuid, _>(request.as_uuid())
        .bind::<SqlUuid, _>(session.as_uuid())
        .bind::<Integer, _>(TURN_SECS)
        .execute(conn)
        .await?;
    Ok(Turn::Ours)
}

/// Whether it is this request's turn.
///
/// # Errors
/// What the database answers.
pub async fn holds(conn: &mut AsyncPgConnection, request: RequestId) -> Result<bool, StoreError> {
    let text = "SELECT EXISTS (SELECT FROM work.turn \
                WHERE request_id = $1 AND held_until > clock_timestamp()) AS said";
    let row: Said = sql_query(text)
        .bind::<SqlUuid, _>(request.as_uuid())
        .get_result(conn)
        .await?;
    Ok(row.said)
}

/// Extends the turn of a request that has it.
///
/// # Errors
/// What the database answers.
pub async fn extend(conn: &mut AsyncPgConnection, request: RequestId) -> Result<(), StoreError> {
    let text = "UPDATE work.turn SET held_until = clock_timestamp() + $2 * interval '1 second' \
                WHERE request_id = $1 AND held_until IS NOT NULL";
    sql_query(text)
        .bind::<SqlUuid, _>(request.as_uuid())
        .bind::<Integer, _>(TURN_SECS)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends a request's waiting or turn; where nobody has the turn now, it becomes the turn of whoever
/// has waited longest. In the transaction that records the result.
///
/// # Errors
/// What the database answers.
pub async fn end(
    conn: &mut AsyncPgConnection,
    session: SessionId,
    request: RequestId,
) -> Result<(), StoreError> {
    lock(conn, session).await?;
    sql_query("DELETE FROM work.turn WHERE request_id = $1")
        .bind::<SqlUuid, _>(request.as_uuid())
        .execute(conn)
        .await?;
    let text = "UPDATE work.turn SET held_until = clock_timestamp() + $2 * interval '1 second' \
                WHERE request_id = (SELECT request_id FROM work.turn \
                    WHERE lab_session_id = $1 AND message IS NOT NULL ORDER BY place LIMIT 1) \
                AND NOT EXISTS (SELECT FROM work.turn \
                    WHERE lab_session_id = $1 AND held_until > clock_timestamp())";
    sql_query(text)
        .bind::<SqlUuid, _>(session.as_uuid())
        .bind::<Integer, _>(TURN_SECS)
        .execute(conn)
        .await?;
    Ok(())
}

/// The message of the waiting request that has the turn now, if one has it.
///
/// # Errors
/// What the database answers.
pub async fn called(
    conn: &mut AsyncPgConnection,
    session: SessionId,
) -> Result<Option<Value>, StoreError> {
    let text = "SELECT message FROM work.turn WHERE lab_session_id = $1 \
                AND held_until > clock_timestamp() AND message IS NOT NULL LIMIT 1";
    let called: Option<Waiting> = sql_query(text)
        .bind::<SqlUuid, _>(session.as_uuid())
        .get_result(conn)
        .await
        .optional()?;
    Ok(called.and_then(|called| called.message))
}

/// One at a time for a session, until the transaction ends.
async fn lock(conn: &mut AsyncPgConnection, session: SessionId) -> Result<(), StoreError> {
    sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind::<Text, _>(format!("turn:{session}"))
        .execute(conn)
        .await?;
    Ok(())
}
