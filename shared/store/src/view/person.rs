//! Owns what the ledger has of people, for whoever asks what is held of them.

use diesel::sql_types::{Array, Jsonb, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::StoreError;

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Jsonb)]
    told: Value,
}

/// Every row about these people, by kind: pushes, sessions, attempts, verifications, snapshots,
/// holds, erasures and removals. As JSON: it is for reading, and every column of a row is part of it.
///
/// # Errors
/// What the database answers.
pub async fn of(
    conn: &mut AsyncPgConnection,
    people: &[Uuid],
) -> Result<Map<String, Value>, StoreError> {
    let rows: Vec<Told> = sql_query(include_str!("person.sql"))
        .bind::<Array<SqlUuid>, _>(people)
        .load(conn)
        .await?;
    let mut held = Map::new();
    for kind in [
        "pushes",
        "sessions",
        "attempts",
        "verifications",
        "snapshots",
        "holds",
        "erasures",
        "removals",
    ] {
        let of_kind = rows.iter().filter(|row| row.kind == kind);
        let told: Vec<Value> = of_kind.map(|row| row.told.clone()).collect();
        held.insert(kind.to_owned(), Value::Array(told));
    }
    Ok(held)
}
