//! Owns `privacy.person_key`: the key that seals what identifies a person, wrapped by a master key
//! that the database never sees. Must never hold a key that is not wrapped.

use contract::time::Timestamp;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::{ledger_row, select_text};

ledger_row! {
    /// A person's key, or a source's. Not part of the ledger: it is destroyed to erase.
    "privacy.person_key" PersonKeyRow [owner_id] {
        /// A principal, or what is computed of a source.
        owner_id: Uuid => SqlUuid,
        /// Which master key wraps it.
        master_key: String => Text,
        /// The wrapped key.
        wrapped: Vec<u8> => Binary,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// The keys of these owners, those that are there. Until the transaction ends nobody destroys
/// them: what is sealed with one is there when it is erased.
///
/// # Errors
/// What the database answers.
pub async fn hold(
    conn: &mut AsyncPgConnection,
    owners: &[Uuid],
) -> Result<Vec<PersonKeyRow>, StoreError> {
    let rest = "WHERE owner_id = ANY($1) ORDER BY owner_id FOR KEY SHARE";
    let query = sql_query(select_text::<PersonKeyRow>(rest)).bind::<Array<SqlUuid>, _>(owners);
    Ok(crate::prepared::RunPrepared::load(query, conn).await?)
}

/// The keys of these owners, to be destroyed: whoever seals with one is waited for.
///
/// # Errors
/// What the database answers.
pub async fn seize(
    conn: &mut AsyncPgConnection,
    owners: &[Uuid],
) -> Result<Vec<PersonKeyRow>, StoreError> {
    let text = "SELECT * FROM privacy.person_key WHERE owner_id = ANY($1) \
                ORDER BY owner_id FOR UPDATE";
    Ok(sql_query(text)
        .bind::<Array<SqlUuid>, _>(owners)
        .load(conn)
        .await?)
}

/// The keys of these owners, those that are there.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    owners: &[Uuid],
) -> Result<Vec<PersonKeyRow>, StoreError> {
    Ok(
        sql_query("SELECT * FROM privacy.person_key WHERE owner_id = ANY($1)")
            .bind::<Array<SqlUuid>, _>(owners)
            .load(conn)
            .await?,
    )
}

/// Destroys the keys of these owners.
///
/// # Errors
/// What the database answers; something is still sealed with one.
pub async fn destroy(conn: &mut AsyncPgConnection, owners: &[Uuid]) -> Result<(), StoreError> {
    sql_query("DELETE FROM privacy.person_key WHERE owner_id = ANY($1)")
        .bind::<Array<SqlUuid>, _>(owners)
        .execute(conn)
        .await?;
    Ok(())
}

/// Keys that another master key than this wraps, at most `limit` beyond an owner, locked.
///
/// # Errors
/// What the database answers.
pub async fn wrapped_otherwise(
    conn: &mut AsyncPgConnection,
    master_key: &str,
    beyond: Uuid,
    limit: i64,
) -> Result<Vec<PersonKeyRow>, StoreError> {
    let text = "SELECT * FROM privacy.person_key WHERE master_key <> $1 AND owner_id > $2 \
                ORDER BY owner_id LIMIT $3 FOR NO KEY UPDATE";
    Ok(sql_query(text)
        .bind::<Text, _>(master_key)
        .bind::<SqlUuid, _>(beyond)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// Puts a key that is wrapped anew in the place of what was there.
///
/// # Errors
/// What the database answers.
pub async fn rewrap(conn: &mut AsyncPgConnection, row: &PersonKeyRow) -> Result<(), StoreError> {
    let text = "UPDATE privacy.person_key SET master_key = $2, wrapped = $3 WHERE owner_id = $1";
    sql_query(text)
        .bind::<SqlUuid, _>(row.owner_id)
        .bind::<Text, _>(&row.master_key)
        .bind::<Binary, _>(&row.wrapped)
        .execute(conn)
        .await?;
    Ok(())
}
