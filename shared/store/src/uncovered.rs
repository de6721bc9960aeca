//! Owns the search for ledger rows that no audit entry covers: rows that nobody who may write wrote.

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::covered::TABLES;
use crate::error::StoreError;

/// Tables whose rows come before the entry that covers them: a claim is covered by what came of it,
/// and of a claimant who died nothing came; a restore by its end.
const LATER: [&str; 3] = ["verification_claim", "restore", "restore_step"];

/// A row that no entry covers.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct UncoveredRow {
    /// Its table.
    #[diesel(sql_type = Text)]
    pub table_name: String,
    /// Its key, the parts joined by `/`.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// How many there are in all.
    #[diesel(sql_type = BigInt)]
    pub total: i64,
}

/// Rows that no entry covers, logged or on its way; with how many there are in all. The database
/// sorts through all entries and rows for it, on its disk where its memory is too small.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    limit: i64,
) -> Result<Vec<UncoveredRow>, StoreError> {
    // One statement: a row and its entry are written in one transaction, so that both are seen or
    // neither.
    let tables = TABLES.iter().filter(|(table, _)| !LATER.contains(table));
    let tables = tables.map(|(table, keys)| {
        let parts: Vec<String> = keys.iter().map(|key| format!("{key}::text")).collect();
        format!(
            "SELECT '{table}' AS table_name, concat_ws('/', {}) AS key FROM {table}",
            parts.join(", ")
        )
    });
    let tables: Vec<String> = tables.collect();
    let text = format!(
        "SELECT present.table_name, present.key, count(*) OVER () AS total \
         FROM ({}) AS present LEFT JOIN ( \
             SELECT covered ->> 'table' AS table_name, covered ->> 'key' AS key \
             FROM audit_entry, jsonb_array_elements(entry::jsonb -> 'assay.rows') AS covered \
         ) AS covered \
         ON covered.table_name = present.table_name AND covered.key = present.key \
         WHERE covered.key IS NULL ORDER BY present.table_name, present.key LIMIT $1",
        tables.join(" UNION ALL ")
    );
    Ok(sql_query(text).bind::<BigInt, _>(limit).load(conn).await?)
}
