//! Owns `dead_letter`: messages that died, and what became of them.

use contract::time::Timestamp;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

/// The action of a row that tells of a death.
pub const DEAD_LETTERED: &str = "dead-lettered";
/// The action of a row that tells of a message that went back to its queue.
pub const SENT_BACK: &str = "sent-back";
/// The action of a row that tells of a message that stays dead.
pub const DISCARDED: &str = "discarded";

ledger_row! {
    /// A message that died, or what became of it.
    "dead_letter" DeadLetterRow [id] {
        /// The row; of a death, computed from its letter's message id.
        id: Uuid => SqlUuid,
        /// The id that the message was first published with.
        message_id: String => Text,
        /// The stream that it was in.
        stream: String => Text,
        /// The consumer that gave it up.
        consumer: String => Text,
        /// The subject that it was published under.
        subject: String => Text,
        /// `dead-lettered`, `sent-back` or `discarded`.
        action: String => Text,
        /// The service or the operator.
        actor: String => Text,
        /// Why it died, was sent back, or was discarded.
        reason: String => Text,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
        /// The row of the death: its own id, for one that tells of a death.
        letter_id: Uuid => SqlUuid,
        /// The delivery that it is about, where it says so.
        delivery_id: Option<Uuid> => Nullable<SqlUuid>,
        /// Where its bytes are in the stream of dead letters.
        dead_sequence: Option<i64> => Nullable<BigInt>,
        /// How often it was delivered.
        deliveries: Option<i64> => Nullable<BigInt>,
        /// How often it was put back because of an outage.
        renewals: Option<i64> => Nullable<BigInt>,
        /// What failed at last, where that was known.
        last_failure: Option<String> => Nullable<Text>,
        /// When it was first stored.
        first_stored_at: Option<Timestamp> => Nullable<Timestamptz>,
        /// When it died.
        died_at: Option<Timestamp> => Nullable<Timestamptz>,
        /// The command that closed it.
        command_id: Option<Uuid> => Nullable<SqlUuid>,
    }
}

impl DeadLetterRow {
    /// The row that closes this letter: who did what, and why.
    pub fn closed(
        &self,
        action: &str,
        actor: &str,
        reason: &str,
        command: Uuid,
        now: Timestamp,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            action: action.to_owned(),
            actor: actor.to_owned(),
            reason: reason.to_owned(),
            command_id: Some(command),
            recorded_at: now,
            ..self.clone()
        }
    }
}

/// A letter with what became of it.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct Letter {
    /// The death.
    #[diesel(embed)]
    pub death: DeadLetterRow,
    /// `open`, `sent-back` or `discarded`.
    #[diesel(sql_type = Text)]
    pub state: String,
    /// Who closed it.
    #[diesel(sql_type = Nullable<Text>)]
    pub closed_by: Option<String>,
    /// Why.
    #[diesel(sql_type = Nullable<Text>)]
    pub closed_reason: Option<String>,
    /// When.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub closed_at: Option<Timestamp>,
}

/// Which letters are asked for; `None` is every one.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this stream.
    pub stream: Option<String>,
    /// Given up by this consumer.
    pub consumer: Option<String>,
    /// Whose reason of death has this text in it, in whatever case.
    pub reason: Option<String>,
    /// That died from then on.
    pub since: Option<Timestamp>,
    /// In this state: `open`, `sent-back` or `discarded`.
    pub state: Option<String>,
    /// Of this delivery.
    pub delivery: Option<Uuid>,
}

/// The letters that a filter lets through, the oldest first, at most `limit`.
///
/// # Errors
/// What the database answers.
pub async fn list(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Letter>, StoreError> {
    Ok(sql_query(include_str!("dead_letter_list.sql"))
        .bind::<Nullable<Text>, _>(filter.stream.as_deref())
        .bind::<Nullable<Text>, _>(filter.consumer.as_deref())
        .bind::<Nullable<Text>, _>(filter.reason.as_deref())
        .bind::<Nullable<Timestamptz>, _>(filter.since)
        .bind::<Nullable<Text>, _>(filter.state.as_deref())
        .bind::<Nullable<SqlUuid>, _>(filter.delivery)
        .bind::<Nullable<Array<SqlUuid>>, _>(None::<Vec<Uuid>>)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// The letters with these ids, those that are there, the oldest first.
///
/// # Errors
/// What the database answers.
pub async fn find(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> Result<Vec<Letter>, StoreError> {
    Ok(sql_query(include_str!("dead_letter_list.sql"))
        .bind::<Nullable<Text>, _>(None::<String>)
        .bind::<Nullable<Text>, _>(None::<String>)
        .bind::<Nullable<Text>, _>(None::<String>)
        .bind::<Nullable<Timestamptz>, _>(None::<Timestamp>)
        .bind::<Nullable<Text>, _>(None::<String>)
        .bind::<Nullable<SqlUuid>, _>(None::<Uuid>)
        .bind::<Nullable<Array<SqlUuid>>, _>(Some(ids))
        .bind::<BigInt, _>(i64::try_from(ids.len()).unwrap_or(i64::MAX))
        .load(conn)
        .await?)
}

/// The letters of one message, those before it was sent back and those after, the oldest first.
///
/// # Errors
/// What the database answers.
pub async fn of_message(
    conn: &mut AsyncPgConnection,
    death: &DeadLetterRow,
) -> Result<Vec<Letter>, StoreError> {
    let text = "SELECT id FROM dead_letter WHERE action = 'dead-lettered' \
                AND stream = $1 AND message_id = $2";
    let ids: Vec<Id> = sql_query(text)
        .bind::<Text, _>(&death.stream)
        .bind::<Text, _>(&death.message_id)
        .load(conn)
        .await?;
    let ids: Vec<Uuid> = ids.into_iter().map(|row| row.id).collect();
    find(conn, &ids).await
}

/// The rows that a command wrote: the letters that it closed.
///
/// # Errors
/// What the database answers.
pub async fn closed_by(
    conn: &mut AsyncPgConnection,
    command: Uuid,
) -> Result<Vec<DeadLetterRow>, StoreError> {
    Ok(sql_query("SELECT * FROM dead_letter WHERE command_id = $1")
        .bind::<SqlUuid, _>(command)
        .load(conn)
        .await?)
}

/// Keeps others from closing letters until the transaction ends, so that each is closed once and
/// whoever comes second knows.
///
/// # Errors
/// What the database answers.
pub async fn lock(conn: &mut AsyncPgConnection) -> Result<(), StoreError> {
    sql_query("SELECT pg_advisory_xact_lock(hashtext('dead_letter'))")
        .execute(conn)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// How many letters are open.
///
/// # Errors
/// What the database answers.
pub async fn open(conn: &mut AsyncPgConnection) -> Result<i64, StoreError> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    // Each letter has one row that tells of its death, and at most one that closes it.
    let text = "SELECT count(*) FILTER (WHERE action = 'dead-lettered') \
                - count(*) FILTER (WHERE action <> 'dead-lettered') AS count FROM dead_letter";
    let found: Count = sql_query(text).get_result(conn).await?;
    Ok(found.count)
}
