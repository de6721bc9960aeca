//! Owns making a ledger large: what is there is copied again and again, each copy a world of its own
//! with ids of its own, so that every row has the rows that belong to it.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use tokio_postgres::Client;

/// Copies that one statement makes: what Postgres holds of it at one time stays small.
const COPIES_AT_ONCE: u64 = 50;
/// The tables with rows that are copied, and each of their columns: its type, and whether it alone,
/// with columns that are no ids, makes a row unique. The log's own tables stay as they are, and what
/// is not the ledger's.
const COLUMNS: &str = include_str!("columns.sql");
/// What stays the same in every copy: labs are not copied.
const SHARED: [&str; 2] = ["lab_id", "lab_version_id"];

/// What ends the copying. A ledger that grew by itself was vacuumed on its way; and what is waited for by
/// statistics must not find these rows among new ones.
const END: [&str; 4] = [
    "DROP SCHEMA model CASCADE; RESET session_replication_role; RESET synchronous_commit",
    "VACUUM ANALYZE",
    "RESET maintenance_work_mem; CHECKPOINT",
    "SELECT pg_stat_force_next_flush()",
];

/// What is done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Done<'a> {
    /// So many copies are there.
    Copies(u64),
    /// The indexes of this table are there.
    Indexes(&'a str),
}

/// A table and its columns.
#[derive(Debug)]
struct Table {
    name: String,
    columns: Vec<Column>,
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    is_id: bool,
    is_unique_text: bool,
}

/// Copies everything so many times; says after each part how many copies there are, and then of each
/// table that its indexes are made.
///
/// # Errors
/// What Postgres says.
pub(super) async fn multiply(client: &Client, copies: u64, say: impl Fn(Done<'_>)) -> Result<()> {
    let tables = tables(client).await?;
    let unique: BTreeSet<String> = tables
        .iter()
        .flat_map(|table| &table.columns)
        .filter(|column| column.is_unique_text)
        .map(|column| column.name.clone())
        .collect();
    // The first world is kept apart: a copy of a copy would be of all that is there by then.
    let mut begin = "CREATE SCHEMA model;".to_owned();
    for (place, table) in tables.iter().enumerate() {
        begin += &format!(
            "CREATE TABLE model.t{place} AS SELECT * FROM {};",
            table.name
        );
    }
    // Triggers and foreign keys held for the first world, and hold for its copies.
    begin += "SET session_replication_role = replica; SET synchronous_commit = off;";
    // To make an index of what is there takes a fraction of what it takes to enter row after row.
    begin += "SET maintenance_work_mem = '1GB';";
    for table in &tables {
        let without = format!(
            "UPDATE pg_index SET indisready = false WHERE indrelid = '{}'::regclass;",
            table.name
        );
        begin += &without;
    }
    client
        .batch_execute(&begin)
        .await
        .context("keep the model")?;
    let mut first = 1;
    while first <= copies {
        let last = copies.min(first + COPIES_AT_ONCE - 1);
        for (place, table) in tables.iter().enumerate() {
            let insert = table.insert(place, &unique, (first, last));
            let inserted = client.batch_execute(&insert).await;
            inserted.with_context(|| format!("copy {}", table.name))?;
        }
        say(Done::Copies(last));
        first = last + 1;
    }
    for table in &tables {
        // It makes them ready, and finds what is there twice.
        let make = format!("REINDEX TABLE {}", table.name);
        let made = client.batch_execute(&make).await;
        made.with_context(|| format!("make the indexes of {}", table.name))?;
        say(Done::Indexes(&table.name));
    }
    for end in END {
        let ended = client.batch_execute(end).await;
        ended.with_context(|| format!("end the copying: {end}"))?;
    }
    Ok(())
}

async fn tables(client: &Client) -> Result<Vec<Table>> {
    let rows = client.query(COLUMNS, &[]).await;
    let mut tables: Vec<Table> = Vec::new();
    for row in rows.context("ask for the tables")? {
        let name: String = row.get(0);
        if tables.last().is_none_or(|table| table.name != name) {
            tables.push(Table {
                name,
                columns: Vec::new(),
            });
        }
        let table = tables.last_mut().expect("one was just put there");
        table.columns.push(Column {
            name: row.get(1),
            is_id: row.get(2),
            is_unique_text: row.get(3),
        });
    }
    Ok(tables)
}

impl Table {
    fn insert(&self, place: usize, unique: &BTreeSet<String>, (first, last): (u64, u64)) -> String {
        let names: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("\"{}\"", column.name))
            .collect();
        let values: Vec<String> = self
            .columns
            .iter()
            .map(|column| column.copied(unique))
            .collect();
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM model.t{place} AS t, \
             generate_series({first}, {last}) AS g",
            self.name,
            names.join(", "),
            values.join(", ")
        )
    }
}

impl Column {
    /// Its value in the copy `g`: the same of the same value, wherever that is.
    fn copied(&self, unique: &BTreeSet<String>) -> String {
        let value = format!("t.\"{}\"", self.name);
        if self.is_id && !SHARED.contains(&self.name.as_str()) {
            copied_id(&format!("{value}::text"))
        } else if unique.contains(&self.name) {
            // What is a digest stays one.
            format!(
                "CASE WHEN {value} ~ '^[0-9a-f]{{40,64}}$' \
                 THEN left(md5({value} || g) || md5(g || {value}), length({value})) \
                 ELSE {value} || '-' || g END"
            )
        } else {
            value
        }
    }
}

/// The id in the copy `g` of what has this id in the first world. One that begins with the time begins with
/// that of as many days before: a ledger that grew by itself has what is new behind what is old.
fn copied_id(id: &str) -> String {
    // Not a function of the database's: it would be called row by row, which takes three times as long.
    format!(
        "(CASE WHEN substr({id}, 15, 1) = '7' THEN \
         lpad(to_hex(('x0000' || left({id}, 8) || substr({id}, 10, 4))::bit(64)::bigint \
         - g * 86400000::bigint), 12, '0') || overlay(substr(md5({id} || g), 13) PLACING '7' FROM 1) \
         ELSE md5({id} || ':' || g) END)::uuid"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_unique_texts_differ_in_each_copy_and_labs_do_not() {
        let column = |name: &str, is_id: bool| Column {
            name: name.to_owned(),
            is_id,
            is_unique_text: false,
        };
        let unique = BTreeSet::from(["repository".to_owned()]);
        let id = copied_id("t.\"id\"::text");
        for (name, is_id, expected) in [
            ("id", true, id.as_str()),
            ("lab_version_id", true, "t.\"lab_version_id\""),
            ("recorded_at", false, "t.\"recorded_at\""),
        ] {
            assert_eq!(column(name, is_id).copied(&unique), expected);
        }
        let text = column("repository", false).copied(&unique);
        assert!(
            text.ends_with("ELSE t.\"repository\" || '-' || g END"),
            "{text}"
        );
    }
}
