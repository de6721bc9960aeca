//! Owns what Postgres writes of the same rows when nothing else is done: `UNNEST` into tables of the
//! same shape, with the same indexes, without foreign keys and triggers, one transaction a batch.

use anyhow::{Context as _, Result};
use bytes::BytesMut;
use tokio::time::Instant;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};
use tokio_postgres::{Client, NoTls};

/// Deliveries of one transaction, as attempt-writer takes them at most.
const DELIVERIES_PER_BATCH: usize = 1_000;
/// The tables that attempt-writer may insert into, and their columns that are written.
const COLUMNS: &str = "SELECT c.oid::regclass::text, a.attname::text, \
    format_type(a.atttypid, a.atttypmod), t.typelem <> 0 AND t.typcategory = 'A' \
    FROM pg_class AS c \
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    JOIN pg_type AS t ON t.oid = a.atttypid \
    WHERE c.relkind = 'r' AND has_table_privilege('assay_attempt_writer', c.oid, 'INSERT') \
    AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'work') \
    ORDER BY c.relname, a.attnum";

/// A value as it is on the wire: whatever its type, it is put back as it came.
#[derive(Clone, Debug)]
struct Raw(Vec<u8>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw.to_vec()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for Raw {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// A table with all its rows, column by column.
#[derive(Debug)]
struct Table {
    name: String,
    columns: Vec<Column>,
    rows: usize,
}

#[derive(Debug)]
struct Column {
    name: String,
    type_name: String,
    /// An array cannot be an array's element: it goes as text.
    as_text: bool,
    values: Vec<Option<Raw>>,
}

/// Writes the rows again that attempt-writer has written, and gives attempts a second.
///
/// # Errors
/// What Postgres says.
pub async fn measure(owner_url: &str) -> Result<f64> {
    let connecting = tokio_postgres::connect(owner_url, NoTls).await;
    let (mut client, connection) = connecting.context("connect to the ledger")?;
    // It ends with the client.
    tokio::spawn(connection);
    let mut tables = tables(&client).await?;
    for table in &mut tables {
        table.read(&client).await?;
    }
    tables.retain(|table| table.rows > 0);
    client
        .batch_execute("CREATE SCHEMA limits")
        .await
        .context("make a schema")?;
    for table in &tables {
        table.make(&client).await?;
    }
    let rows_of = |name: &str| {
        let found = tables.iter().find(|table| table.name == name);
        found.map_or(0, |table| table.rows)
    };
    let deliveries = rows_of("delivery_receipt");
    let batches = deliveries.div_ceil(DELIVERIES_PER_BATCH).max(1);
    let began = Instant::now();
    for batch in 0..batches {
        let transaction = client.transaction().await.context("begin")?;
        for table in &tables {
            let range = table.rows * batch / batches..table.rows * (batch + 1) / batches;
            table.insert(&transaction, range).await?;
        }
        transaction.commit().await.context("commit")?;
    }
    Ok(rows_of("lab_attempt") as f64 / began.elapsed().as_secs_f64())
}

async fn tables(client: &Client) -> Result<Vec<Table>> {
    let rows = client
        .query(COLUMNS, &[])
        .await
        .context("ask for the tables")?;
    let mut tables: Vec<Table> = Vec::new();
    for row in rows {
        let (name, column): (String, String) = (row.get(0), row.get(1));
        if tables.last().is_none_or(|table| table.name != name) {
            tables.push(Table {
                name,
                columns: Vec::new(),
                rows: 0,
            });
        }
        let table = tables.last_mut().expect("one was just put there");
        table.columns.push(Column {
            name: column,
            type_name: row.get(2),
            as_text: row.get(3),
            values: Vec::new(),
        });
    }
    Ok(tables)
}

impl Table {
    async fn read(&mut self, client: &Client) -> Result<()> {
        let wanted: Vec<String> = self
            .columns
            .iter()
            .map(|column| match column.as_text {
                true => format!("\"{}\"::text", column.name),
                false => format!("\"{}\"", column.name),
            })
            .collect();
        let query = format!("SELECT {} FROM {}", wanted.join(", "), self.name);
        let rows = client.query(&query, &[]).await;
        let rows = rows.with_context(|| format!("read {}", self.name))?;
        self.rows = rows.len();
        for (place, column) in self.columns.iter_mut().enumerate() {
            column.values = rows.iter().map(|row| row.get(place)).collect();
        }
        Ok(())
    }

    /// Where it is written again: a name of its own, whatever schema it is from.
    fn copy(&self) -> String {
        format!("limits.\"{}\"", self.name.replace(['.', '"'], "_"))
    }

    async fn make(&self, client: &Client) -> Result<()> {
        let query = format!(
            "CREATE TABLE {} (LIKE {} INCLUDING CONSTRAINTS INCLUDING INDEXES)",
            self.copy(),
            self.name
        );
        let made = client.batch_execute(&query).await;
        made.with_context(|| format!("make a table like {}", self.name))
    }

    async fn insert(
        &self,
        transaction: &tokio_postgres::Transaction<'_>,
        range: std::ops::Range<usize>,
    ) -> Result<()> {
        let sent = |column: &Column| match column.as_text {
            true => "text".to_owned(),
            false => column.type_name.clone(),
        };
        let numbered = self.columns.iter().zip(1..);
        let arrays: Vec<String> = numbered
            .map(|(column, number)| format!("${number}::{}[]", sent(column)))
            .collect();
        let names: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("\"{}\"", column.name))
            .collect();
        let numbered = self.columns.iter().zip(1..);
        let values: Vec<String> = numbered
            .map(|(column, number)| format!("u.c{number}::{}", column.type_name))
            .collect();
        let given: Vec<String> = (1..=self.columns.len())
            .map(|number| format!("c{number}"))
            .collect();
        let query = format!(
            "INSERT INTO {} ({}) SELECT {} FROM UNNEST({}) AS u ({}) ON CONFLICT DO NOTHING",
            self.copy(),
            names.join(", "),
            values.join(", "),
            arrays.join(", "),
            given.join(", ")
        );
        let slices: Vec<&[Option<Raw>]> = self
            .columns
            .iter()
            .map(|column| &column.values[range.clone()])
            .collect();
        let binds: Vec<&(dyn ToSql + Sync)> = slices
            .iter()
            .map(|slice| slice as &(dyn ToSql + Sync))
            .collect();
        let inserted = transaction.execute(&query, &binds).await;
        inserted
            .with_context(|| format!("insert into {}", self.copy()))
            .map(drop)
    }
}
