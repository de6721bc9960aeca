//! Owns `work.sweep`: that who puts a session's objects and who removes them do not pass each other.
//! Whoever puts takes a [`Mark`] before the first object and asks in the transaction that names them
//! whether it [`still`] holds; if not, they are put again. Whoever removes is a [`Sweeping`].

use contract::ids::SessionId;
use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use retry::delays::Delays;
use retry::policy::QUICK;
use uuid::Uuid;

use crate::error::StoreError;
use crate::pool::{Dedicated, Store};

/// How often a session's lock is asked for; who records holds it for milliseconds.
const TRIES_MAX: u32 = 20;
/// How long after something was removed its session is swept once more, in minutes: longer than any
/// job runs that did not know of it.
const AGAIN_MINUTES: i64 = 60;

/// How often objects of a session had been removed, at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark(i64);

#[derive(QueryableByName)]
struct MarkRow {
    #[diesel(sql_type = Bool)]
    is_free: bool,
    #[diesel(sql_type = BigInt)]
    sweeps: i64,
}

#[derive(QueryableByName)]
struct YesRow {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct SessionRow {
    #[diesel(sql_type = SqlUuid)]
    lab_session_id: Uuid,
}

/// The name of a session's lock.
fn lock_name(session: Uuid) -> String {
    format!("sweep:{session}")
}

/// Takes a session's mark, before any of its objects is put; `None` while they are removed. In a
/// transaction [by keys](crate::transaction::by_keys).
///
/// # Errors
/// What the database answers.
pub async fn mark(
    conn: &mut AsyncPgConnection,
    session: SessionId,
) -> Result<Option<Mark>, StoreError> {
    let text = "SELECT pg_try_advisory_xact_lock_shared(hashtextextended($1, 0)) AS is_free, \
                coalesce((SELECT sweeps FROM work.sweep WHERE lab_session_id = $2), 0) AS sweeps";
    let query = sql_query(text)
        .bind::<Text, _>(lock_name(session.as_uuid()))
        .bind::<SqlUuid, _>(session.as_uuid());
    let row: MarkRow = crate::prepared::RunPrepared::get_result(query, conn).await?;
    Ok(row.is_free.then_some(Mark(row.sweeps)))
}

/// Whether nothing of the session was removed since its mark was taken. Until the transaction ends
/// nothing will be. In a transaction [by keys](crate::transaction::by_keys).
///
/// # Errors
/// What the database answers.
pub async fn still(
    conn: &mut AsyncPgConnection,
    session: SessionId,
    mark: Mark,
) -> Result<bool, StoreError> {
    let text = "SELECT pg_try_advisory_xact_lock_shared(hashtextextended($1, 0)) AS yes";
    let query = sql_query(text).bind::<Text, _>(lock_name(session.as_uuid()));
    let locked: YesRow = crate::prepared::RunPrepared::get_result(query, conn).await?;
    // A statement of its own: what the first one sees may be older than its lock.
    Ok(locked.yes && sweeps(conn, session.as_uuid()).await? == mark.0)
}

async fn sweeps(conn: &mut AsyncPgConnection, session: Uuid) -> Result<i64, StoreError> {
    let text = "SELECT sweeps AS number FROM work.sweep WHERE lab_session_id = $1";
    let query = sql_query(text).bind::<SqlUuid, _>(session);
    let row: Option<NumberRow> = crate::prepared::RunPrepared::get_result(query, conn)
        .await
        .optional()?;
    Ok(row.map_or(0, |row| row.number))
}

/// Says that something of these sessions is to go, in the transaction that writes down what. Until
/// it ends nobody records anything of theirs: what is to go is to be decided after this.
///
/// # Errors
/// What the database answers.
pub async fn want(conn: &mut AsyncPgConnection, sessions: &[Uuid]) -> Result<(), StoreError> {
    // Sorted, so that two of them cannot deadlock.
    let mut sessions = sessions.to_vec();
    sessions.sort_unstable();
    sessions.dedup();
    for session in &sessions {
        sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind::<Text, _>(lock_name(*session))
            .execute(conn)
            .await?;
    }
    let text = "INSERT INTO work.sweep (lab_session_id, wanted, wanted_at) \
                SELECT each, 1, clock_timestamp() FROM UNNEST($1) AS each \
                ON CONFLICT (lab_session_id) \
                DO UPDATE SET wanted = sweep.wanted + 1, wanted_at = clock_timestamp()";
    sql_query(text)
        .bind::<Array<SqlUuid>, _>(sessions)
        .execute(conn)
        .await?;
    Ok(())
}

/// Sessions that are to be swept, those that wait longest first, at most `limit`.
///
/// # Errors
/// What the database answers.
pub async fn due(conn: &mut AsyncPgConnection, limit: i64) -> Result<Vec<SessionId>, StoreError> {
    let text = "SELECT lab_session_id FROM work.sweep WHERE swept < wanted \
                OR wanted_at <= now() - $1 * interval '1 minute' \
                AND swept_at < wanted_at + $1 * interval '1 minute' \
                ORDER BY wanted_at LIMIT $2";
    let rows: Vec<SessionRow> = sql_query(text)
        .bind::<BigInt, _>(AGAIN_MINUTES)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?;
    let ids = rows.into_iter().map(|row| row.lab_session_id);
    Ok(ids.map(SessionId::from_uuid).collect())
}

/// A session whose objects are being removed: nobody records anything of it meanwhile. It ends with
/// its connection, however that ends.
pub struct Sweeping {
    conn: Dedicated,
    session: Uuid,
    wanted: i64,
}

impl Sweeping {
    /// Begins; `None` while somebody else removes, or records without a pause.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn begin(store: &Store, session: SessionId) -> Result<Option<Self>, StoreError> {
        let mut conn = store.dedicated().await?;
        let session = session.as_uuid();
        let mut delays = Delays::new(&QUICK);
        for _ in 0..TRIES_MAX {
            let text = "SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS yes";
            let locked: YesRow = sql_query(text)
                .bind::<Text, _>(lock_name(session))
                .get_result(&mut *conn)
                .await?;
            if locked.yes {
                let wanted = wanted(&mut conn, session).await?;
                return Ok(Some(Self {
                    conn,
                    session,
                    wanted,
                }));
            }
            tokio::time::sleep(delays.next()).await;
        }
        Ok(None)
    }

    /// The connection, to see by what is to go.
    pub fn connection(&mut self) -> &mut AsyncPgConnection {
        &mut self.conn
    }

    /// Counts, before the first object goes.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn count(&mut self) -> Result<(), StoreError> {
        let text = "INSERT INTO work.sweep (lab_session_id, sweeps, wanted, wanted_at) \
                    VALUES ($1, 1, 0, clock_timestamp()) \
                    ON CONFLICT (lab_session_id) DO UPDATE SET sweeps = sweep.sweeps + 1";
        sql_query(text)
            .bind::<SqlUuid, _>(self.session)
            .execute(&mut *self.conn)
            .await?;
        Ok(())
    }

    /// Says that all is gone that was wanted when it began.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn end(mut self) -> Result<(), StoreError> {
        let text = "UPDATE work.sweep SET swept = greatest(swept, $2), \
                    swept_at = clock_timestamp() WHERE lab_session_id = $1";
        sql_query(text)
            .bind::<SqlUuid, _>(self.session)
            .bind::<BigInt, _>(self.wanted)
            .execute(&mut *self.conn)
            .await?;
        // Now, and not only when Postgres has seen that its connection is gone.
        sql_query("SELECT pg_advisory_unlock(hashtextextended($1, 0))")
            .bind::<Text, _>(lock_name(self.session))
            .execute(&mut *self.conn)
            .await?;
        Ok(())
    }
}

async fn wanted(conn: &mut AsyncPgConnection, session: Uuid) -> Result<i64, StoreError> {
    let text = "SELECT wanted AS number FROM work.sweep WHERE lab_session_id = $1";
    let row: Option<NumberRow> = sql_query(text)
        .bind::<SqlUuid, _>(session)
        .get_result(conn)
        .await
        .optional()?;
    Ok(row.map_or(0, |row| row.number))
}
