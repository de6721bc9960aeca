//! Owns `lab_session`: one person's run of a lab version in one repository.

use contract::time::Timestamp;
use diesel::sql_query;
use diesel::sql_types::{Array, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// One person's run of a lab version in one repository.
    "lab_session" SessionRow [id] {
        /// The session.
        id: Uuid => SqlUuid,
        /// The lab.
        lab_id: Uuid => SqlUuid,
        /// The version it is pinned to.
        lab_version_id: Uuid => SqlUuid,
        /// The repository, `source:owner/name`.
        repository: String => Text,
        /// Counts the sessions of a lab and repository, from 1.
        generation: i32 => Integer,
        /// The commit that the learner started from.
        starting_commit: Option<String> => Nullable<Text>,
        /// When it closes, by `received_at`.
        closes_at: Option<Timestamp> => Nullable<Timestamptz>,
        /// `command:<id>` or `enrolment:<delivery>`.
        opened_by: String => Text,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// The sessions of these repositories.
///
/// # Errors
/// What the database answers.
pub async fn of_repositories(
    conn: &mut AsyncPgConnection,
    repositories: &[&str],
) -> Result<Vec<SessionRow>, StoreError> {
    Ok(
        sql_query("SELECT * FROM lab_session WHERE repository = ANY($1)")
            .bind::<Array<Text>, _>(repositories)
            .load(conn)
            .await?,
    )
}
