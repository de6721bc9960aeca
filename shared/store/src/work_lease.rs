//! Owns `work.lease`: who runs a request's try now. No part of the ledger: a lease goes with its run,
//! and one that is not extended ends by itself. What fences a result is the claim. All of
//! it is asked and told in transactions [by keys](crate::transaction::by_keys).

use contract::ids::RequestId;
use diesel::sql_types::{BigInt, Integer, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::AsyncPgConnection;

use crate::error::StoreError;
use crate::prepared::RunPrepared;

/// How long a lease holds that nobody extends, in seconds: less than the queue waits before it
/// gives a lost worker's message to another one, which then begins at once.
pub const LEASE_SECS: i32 = 20;

/// A run: a request's try under a claim's token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunOf {
    /// The request.
    pub request: RequestId,
    /// Its try.
    pub try_number: i32,
    /// The claim's.
    pub token: i64,
}

/// What became of the wish to run a try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leased {
    /// It is ours, after so many workers were lost that had it.
    Ours(i32),
    /// Another run has it, for this many milliseconds at least.
    Held(i64),
}

#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = BigInt)]
    left: i64,
}

/// Takes the lease of a try that nobody runs. Belongs into one transaction with the claim, and with
/// [`name`].
///
/// # Errors
/// What the database answers.
pub async fn take(
    conn: &mut AsyncPgConnection,
    request: RequestId,
    try_number: i32,
    worker: &str,
) -> Result<Leased, StoreError> {
    let text = "INSERT INTO work.lease AS lease \
                (request_id, try_number, token, worker, held_until) \
                VALUES ($1, $2, 0, $3, clock_timestamp() + $4 * interval '1 second') \
                ON CONFLICT (request_id, try_number) DO UPDATE \
                SET token = 0, worker = excluded.worker, held_until = excluded.held_until, \
                    lost = lease.lost + (lease.held_until IS NOT NULL)::integer \
                WHERE lease.held_until IS NULL OR lease.held_until <= clock_timestamp() \
                RETURNING lost::bigint AS left";
    let taken: Option<Left> = sql_query(text)
        .bind::<SqlUuid, _>(request.as_uuid())
        .bind::<Integer, _>(try_number)
        .bind::<Text, _>(worker)
        .bind::<Integer, _>(LEASE_SECS)
        .get_result(conn)
        .await
        .optional()?;
    if let Some(taken) = taken {
        return Ok(Leased::Ours(i32::try_from(taken.left).unwrap_or(i32::MAX)));
    }
    let text = "SELECT ceil(extract(epoch FROM held_until - clock_timestamp()) * 1000)::bigint \
                AS left FROM work.lease WHERE request_id = $1 AND try_number = $2";
    let held: Option<Left> = sql_query(text)
        .bind::<SqlUuid, _>(request.as_uuid())
        .bind::<Integer, _>(try_number)
        .get_result(conn)
        .await
        .optional()?;
    Ok(Leased::Held(held.map_or(0, |held| held.left.max(0))))
}

/// Names the claim that a lease was taken for.
///
/// # Errors
/// What the database answers.
pub async fn name(conn: &mut AsyncPgConnection, run: RunOf) -> Result<(), StoreError> {
    let text = "UPDATE work.lease SET token = $3 WHERE request_id = $1 AND try_number = $2";
    bound(text, run).execute(conn).await?;
    Ok(())
}

/// Extends a run's lease; false when the run has it no more.
///
/// # Errors
/// What the database answers.
pub async fn extend(conn: &mut AsyncPgConnection, run: RunOf) -> Result<bool, StoreError> {
    let text = "UPDATE work.lease SET held_until = clock_timestamp() + $4 * interval '1 second' \
                WHERE request_id = $1 AND try_number = $2 AND token = $3";
    let extended = bound(text, run).bind::<Integer, _>(LEASE_SECS);
    Ok(extended.execute(conn).await? == 1)
}

/// Gives a run's lease up without a result, if it still has it: whoever comes next may begin.
///
/// # Errors
/// What the database answers.
pub async fn give_up(conn: &mut AsyncPgConnection, run: RunOf) -> Result<(), StoreError> {
    let text = "UPDATE work.lease SET held_until = NULL \
                WHERE request_id = $1 AND try_number = $2 AND token = $3";
    bound(text, run).execute(conn).await?;
    Ok(())
}

/// Ends the lease of a try that has its result.
///
/// # Errors
/// What the database answers.
pub async fn end(
    conn: &mut AsyncPgConnection,
    request: RequestId,
    try_number: i32,
) -> Result<(), StoreError> {
    sql_query("DELETE FROM work.lease WHERE request_id = $1 AND try_number = $2")
        .bind::<SqlUuid, _>(request.as_uuid())
        .bind::<Integer, _>(try_number)
        .execute(conn)
        .await?;
    Ok(())
}

type Bound<'a> =
    diesel::query_builder::BoxedSqlQuery<'a, diesel::pg::Pg, diesel::query_builder::SqlQuery>;

fn bound(text: &str, run: RunOf) -> Bound<'_> {
    sql_query(text)
        .into_boxed()
        .bind::<SqlUuid, _>(run.request.as_uuid())
        .bind::<Integer, _>(run.try_number)
        .bind::<BigInt, _>(run.token)
}
