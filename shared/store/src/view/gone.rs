//! Owns what is gone of a delivery: its rows and their proofs stay, what they are of may not.

use contract::time::Timestamp;
use diesel::sql_types::{Nullable, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;

/// When what went; `None` for what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct Gone {
    /// Whoever pushed it was erased.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub erased_at: Option<Timestamp>,
    /// Its raw body.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub body_removed_at: Option<Timestamp>,
    /// The tree of one of its attempts.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub snapshot_removed_at: Option<Timestamp>,
    /// The log of one of its verifications.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub log_removed_at: Option<Timestamp>,
}

/// What is gone of a delivery.
///
/// # Errors
/// What the database answers.
pub async fn of_delivery(conn: &mut AsyncPgConnection, delivery: Uuid) -> Result<Gone, StoreError> {
    Ok(sql_query(include_str!("gone.sql"))
        .bind::<SqlUuid, _>(delivery)
        .get_result(conn)
        .await?)
}
