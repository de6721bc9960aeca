//! Owns `lab_session`: one person's run of a lab version in one repository.

use contract::time::Timestamp;
use diesel::sql_types::{Array, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
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

/// A session with what a push to it needs of its lab version.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct SessionRules {
    /// The session.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The lab.
    #[diesel(sql_type = SqlUuid)]
    pub lab_id: Uuid,
    /// The version it is pinned to.
    #[diesel(sql_type = SqlUuid)]
    pub lab_version_id: Uuid,
    /// The repository.
    #[diesel(sql_type = Text)]
    pub repository: String,
    /// The commit that the learner started from.
    #[diesel(sql_type = Nullable<Text>)]
    pub starting_commit: Option<String>,
    /// `command:<id>` or `enrolment:<delivery>`.
    #[diesel(sql_type = Text)]
    pub opened_by: String,
    /// Commits whose history is the lab's own: those that its `lab.toml` names as templates, and
    /// its versions' own.
    #[diesel(sql_type = Array<Text>)]
    pub template: Vec<String>,
    /// Which commits of a push are verified: `head` or `all`.
    #[diesel(sql_type = Text)]
    pub commits: String,
    /// What runs the lab's steps: `box` or `none`.
    #[diesel(sql_type = Text)]
    pub executor: String,
}

/// A lab version as a session is opened with it.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct OpeningVersion {
    /// The version.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The lab.
    #[diesel(sql_type = SqlUuid)]
    pub lab_id: Uuid,
    /// Its number within the lab.
    #[diesel(sql_type = Integer)]
    pub number: i32,
    /// The validated `lab.toml`.
    #[diesel(sql_type = Jsonb)]
    pub spec: Value,
}

/// The newest session of each lab in these repositories.
///
/// # Errors
/// What the database answers.
pub async fn of_repositories(
    conn: &mut AsyncPgConnection,
    repositories: &[&str],
) -> Result<Vec<SessionRules>, StoreError> {
    let query = sql_query(include_str!("lab_session_of_repositories.sql"))
        .bind::<Array<Text>, _>(repositories);
    Ok(crate::prepared::RunPrepared::load(query, conn).await?)
}

/// Whether there is such a session.
///
/// # Errors
/// What the database answers.
pub async fn exists(
    conn: &mut AsyncPgConnection,
    session: contract::ids::SessionId,
) -> Result<bool, StoreError> {
    let found: Option<crate::row::Key> =
        sql_query("SELECT id AS key FROM lab_session WHERE id = $1")
            .bind::<SqlUuid, _>(session.as_uuid())
            .get_result(conn)
            .await
            .optional()?;
    Ok(found.is_some())
}

/// The newest version of each lab that enrols repositories by a pattern.
///
/// # Errors
/// What the database answers.
pub async fn enrolling_versions(
    conn: &mut AsyncPgConnection,
) -> Result<Vec<OpeningVersion>, StoreError> {
    let text = "SELECT id, lab_id, number, spec FROM \
                (SELECT DISTINCT ON (lab_id) id, lab_id, number, spec FROM lab_version \
                ORDER BY lab_id, number DESC) \
                AS newest WHERE jsonb_array_length(spec #> '{session,enrol}') > 0";
    Ok(crate::prepared::RunPrepared::load(sql_query(text), conn).await?)
}

/// The newest version of a lab, if there is such a lab.
///
/// # Errors
/// What the database answers.
pub async fn newest_version(
    conn: &mut AsyncPgConnection,
    lab: &contract::name::Slug,
) -> Result<Option<OpeningVersion>, StoreError> {
    let text = "SELECT lab_version.id, lab_id, number, spec FROM lab_version \
                JOIN lab ON lab.id = lab_id WHERE slug = $1 ORDER BY number DESC LIMIT 1";
    Ok(sql_query(text)
        .bind::<Text, _>(lab.as_str())
        .get_result(conn)
        .await
        .optional()?)
}
