//! Owns `lab`: an exercise, by its short name.

use contract::name::Slug;
use contract::time::Timestamp;
use diesel::sql_types::{Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// An exercise.
    "lab" LabRow [id] {
        /// The lab.
        id: Uuid => SqlUuid,
        /// Its short name.
        slug: String => Text,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// The lab of this name, if there is one.
///
/// # Errors
/// What the database answers.
pub async fn find_by_slug(
    conn: &mut AsyncPgConnection,
    slug: &Slug,
) -> Result<Option<LabRow>, StoreError> {
    Ok(sql_query("SELECT * FROM lab WHERE slug = $1")
        .bind::<Text, _>(slug.as_str())
        .get_result(conn)
        .await
        .optional()?)
}

/// Makes everybody else wait who would publish a version of the lab of this name, until the
/// transaction ends: its versions are numbered without a gap. Needs no right to change the lab.
///
/// # Errors
/// What the database answers.
pub async fn lock(conn: &mut AsyncPgConnection, slug: &Slug) -> Result<(), StoreError> {
    sql_query("SELECT pg_advisory_xact_lock(hashtextextended('lab:' || $1, 0))")
        .bind::<Text, _>(slug.as_str())
        .execute(conn)
        .await?;
    Ok(())
}
