//! Owns `lab_version`: one immutable state of a lab.

use contract::digest::Digest;
use contract::ids::{LabId, LabVersionId};
use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Integer, Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// One immutable state of a lab.
    "lab_version" LabVersionRow [id] {
        /// The version.
        id: Uuid => SqlUuid,
        /// The lab.
        lab_id: Uuid => SqlUuid,
        /// Counts the lab's versions, from 1.
        number: i32 => Integer,
        /// Digest of its snapshot's manifest.
        digest: String => Text,
        /// What people call the lab.
        title: String => Text,
        /// The validated `lab.toml`.
        spec: Value => Jsonb,
        /// The commit of the lab's repository.
        commit_sha: String => Text,
        /// Where that was fetched from, without credentials.
        location: String => Text,
        /// How many files it has.
        files: i32 => Integer,
        /// Their bytes together.
        bytes: i64 => BigInt,
        /// The command that published it.
        command_id: Uuid => SqlUuid,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// A version with the short name of its lab.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct NamedVersion {
    /// The lab's short name.
    #[diesel(sql_type = Text)]
    pub slug: String,
    /// The version.
    #[diesel(embed)]
    pub version: LabVersionRow,
}

/// The version, if there is one.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    version: LabVersionId,
) -> Result<Option<LabVersionRow>, StoreError> {
    Ok(sql_query("SELECT * FROM lab_version WHERE id = $1")
        .bind::<SqlUuid, _>(version.as_uuid())
        .get_result(conn)
        .await
        .optional()?)
}

/// The version of a lab that has this tree, if there is one.
///
/// # Errors
/// What the database answers.
pub async fn find_by_digest(
    conn: &mut AsyncPgConnection,
    lab: LabId,
    digest: Digest,
) -> Result<Option<LabVersionRow>, StoreError> {
    let text = "SELECT * FROM lab_version WHERE lab_id = $1 AND digest = $2";
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(lab.as_uuid())
        .bind::<Text, _>(digest.to_string())
        .get_result(conn)
        .await
        .optional()?)
}

/// The newest version of a lab, if it has any.
///
/// # Errors
/// What the database answers.
pub async fn newest_of(
    conn: &mut AsyncPgConnection,
    lab: LabId,
) -> Result<Option<LabVersionRow>, StoreError> {
    let text = "SELECT * FROM lab_version WHERE lab_id = $1 ORDER BY number DESC LIMIT 1";
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(lab.as_uuid())
        .get_result(conn)
        .await
        .optional()?)
}

/// Every version of every lab, by the labs' names, the newest version of each first; at most
/// `rows_max`.
///
/// # Errors
/// What the database answers.
pub async fn list(
    conn: &mut AsyncPgConnection,
    rows_max: i64,
) -> Result<Vec<NamedVersion>, StoreError> {
    let text = "SELECT slug, lab_version.* FROM lab_version JOIN lab ON lab.id = lab_id \
                ORDER BY slug, number DESC LIMIT $1";
    Ok(sql_query(text)
        .bind::<BigInt, _>(rows_max)
        .load(conn)
        .await?)
}
