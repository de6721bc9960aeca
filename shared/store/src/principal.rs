//! Owns `principal`, a pseudonymous person, and `privacy.person`, who that is.

use std::collections::HashSet;

use contract::time::Timestamp;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::{Key, ledger_row};

ledger_row! {
    /// A pseudonymous person. The account is a keyed hash: the ledger names nobody.
    "principal" PrincipalRow [id] {
        /// Computed from provider and account.
        id: Uuid => SqlUuid,
        /// The forge's kind.
        provider: String => Text,
        /// Keyed hash of the forge's account, or of the commit's e-mail address.
        account: String => Text,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

ledger_row! {
    /// Who a pseudonym is, sealed by the person's key. Not part of the ledger: it can be erased,
    /// and no entry covers it.
    "privacy.person" PersonRow [principal_id] {
        /// The pseudonym.
        principal_id: Uuid => SqlUuid,
        /// Login, name and address, sealed.
        sealed: Vec<u8> => Binary,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// The sealed rows of these people, those that are there.
///
/// # Errors
/// What the database answers.
pub async fn persons(
    conn: &mut AsyncPgConnection,
    people: &[Uuid],
) -> Result<Vec<PersonRow>, StoreError> {
    Ok(
        sql_query("SELECT * FROM privacy.person WHERE principal_id = ANY($1)")
            .bind::<Array<SqlUuid>, _>(people)
            .load(conn)
            .await?,
    )
}

/// Of these people, those whose sealed row is there.
///
/// # Errors
/// What the database answers.
pub async fn persons_there(
    conn: &mut AsyncPgConnection,
    people: &[Uuid],
) -> Result<HashSet<Uuid>, StoreError> {
    if people.is_empty() {
        return Ok(HashSet::new());
    }
    let text = "SELECT principal_id AS key FROM privacy.person WHERE principal_id = ANY($1)";
    let query = sql_query(text).bind::<Array<SqlUuid>, _>(people);
    let there: Vec<Key> = crate::prepared::RunPrepared::load(query, conn).await?;
    Ok(there.into_iter().map(|row| row.key).collect())
}

/// The principals with these ids, those that are there.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    people: &[Uuid],
) -> Result<Vec<PrincipalRow>, StoreError> {
    Ok(sql_query("SELECT * FROM principal WHERE id = ANY($1)")
        .bind::<Array<SqlUuid>, _>(people)
        .load(conn)
        .await?)
}

/// The sealed people of a provider, in the order of their ids, at most `limit` beyond one.
///
/// # Errors
/// What the database answers.
pub async fn of_provider(
    conn: &mut AsyncPgConnection,
    provider: &str,
    beyond: Uuid,
    limit: i64,
) -> Result<Vec<PersonRow>, StoreError> {
    let text = "SELECT person.* FROM privacy.person JOIN principal ON principal.id = principal_id \
                WHERE provider = $1 AND principal_id > $2 ORDER BY principal_id LIMIT $3";
    Ok(sql_query(text)
        .bind::<Text, _>(provider)
        .bind::<SqlUuid, _>(beyond)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// Removes who these people are.
///
/// # Errors
/// What the database answers.
pub async fn forget(conn: &mut AsyncPgConnection, people: &[Uuid]) -> Result<(), StoreError> {
    sql_query("DELETE FROM privacy.person WHERE principal_id = ANY($1)")
        .bind::<Array<SqlUuid>, _>(people)
        .execute(conn)
        .await?;
    Ok(())
}
