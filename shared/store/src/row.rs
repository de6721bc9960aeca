//! Owns what the row types share: the digest that an audit entry lists, and the bulk insert by
//! `UNNEST`, which takes any number of rows in one statement of a fixed text.

use contract::audit::CoveredRow;
use contract::canonical::canonical_json;
use contract::digest::Digest;
use diesel::pg::Pg;
use diesel::sql_types::{Array, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use uuid::Uuid;

use crate::error::StoreError;

/// A row of a ledger table, as its audit entry covers it.
pub trait LedgerRow: Serialize + Sized {
    /// The table.
    const TABLE: &'static str;
    /// The first column of the primary key, a UUID.
    const FIRST_KEY: &'static str;
    /// All columns of the primary key, in its order.
    const KEYS: &'static [&'static str];
    /// All columns.
    const COLUMNS: &'static [&'static str];

    /// The primary key, its parts joined by `/`.
    fn key(&self) -> String;

    /// Names the row by its digest: SHA-256 of its canonical JSON, columns by their names, times
    /// in whole microseconds.
    fn covered(&self) -> CoveredRow {
        let digest = Digest::of(canonical_json(self).as_bytes());
        CoveredRow {
            table: Self::TABLE,
            key: self.key(),
            digest,
        }
    }
}

/// Bytes of a row as the database shows them, so that its digest can be computed from there.
pub(crate) fn as_postgres_writes_bytes<S: serde::Serializer>(
    bytes: &[u8],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("\\x{}", hex::encode(bytes)))
}

/// Declares a ledger table's row: the struct, its [`LedgerRow`], and two ways to add many at once.
/// `insert` passes over those that are there already, and says which were new by the first column of
/// their key, a UUID. `insert_new` is for those that the transaction has found not to be there: to
/// pass over a row costs a fifth more for each that is new.
///
/// The columns are given as `name: RustType => SqlType`; the key as the list of its columns.
macro_rules! ledger_row {
    (
        $(#[$doc:meta])*
        $table:literal $row:ident [$first:ident $(, $key:ident)*] {
            $($(#[$fdoc:meta])* $column:ident: $rust:ty => $sql:ty,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, diesel::QueryableByName)]
        pub struct $row {
            $(
                $(#[$fdoc])*
                #[diesel(sql_type = $sql)]
                pub $column: $rust,
            )+
        }

        impl crate::row::LedgerRow for $row {
            const TABLE: &'static str = $table;
            const FIRST_KEY: &'static str = stringify!($first);
            const KEYS: &'static [&'static str] =
                &[stringify!($first) $(, stringify!($key))*];
            const COLUMNS: &'static [&'static str] = &[$(stringify!($column)),+];

            fn key(&self) -> String {
                [self.$first.to_string() $(, self.$key.to_string())*].join("/")
            }
        }

        impl $row {
            /// Inserts the rows that are not there yet; says which were new, by their key's first
            /// column.
            ///
            /// # Errors
            /// What the database answers.
            pub async fn insert(
                conn: &mut diesel_async::AsyncPgConnection,
                rows: &[Self],
            ) -> Result<std::collections::HashSet<uuid::Uuid>, crate::error::StoreError> {
                if rows.is_empty() {
                    return Ok(std::collections::HashSet::new());
                }
                static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
                    let text = crate::row::insert_text($table, <$row as crate::row::LedgerRow>::COLUMNS);
                    let key = stringify!($first);
                    format!("{text} ON CONFLICT DO NOTHING RETURNING {key} AS key")
                });
                let query = crate::row::bind_columns!(
                    diesel::sql_query(TEXT.as_str()), rows, $($column: $sql,)+
                );
                let new: Vec<crate::row::Key> =
                    crate::prepared::RunPrepared::load(query, conn).await?;
                Ok(new.into_iter().map(|row| row.key).collect())
            }

            /// Inserts rows that this transaction has found not to be there.
            ///
            /// # Errors
            /// What the database answers;
            /// [`Overtaken`](crate::error::StoreError::Overtaken) where somebody was faster.
            pub async fn insert_new<R: std::borrow::Borrow<Self>>(
                conn: &mut diesel_async::AsyncPgConnection,
                rows: &[R],
            ) -> Result<(), crate::error::StoreError> {
                if rows.is_empty() {
                    return Ok(());
                }
                static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
                    crate::row::insert_text($table, <$row as crate::row::LedgerRow>::COLUMNS)
                });
                let rows: Vec<&Self> = rows.iter().map(std::borrow::Borrow::borrow).collect();
                let query = crate::row::bind_columns!(
                    diesel::sql_query(TEXT.as_str()), rows, $($column: $sql,)+
                );
                crate::prepared::RunPrepared::execute(query, conn)
                    .await
                    .map_err(crate::error::StoreError::of_new)?;
                Ok(())
            }
        }
    };
}
pub(crate) use ledger_row;

/// Binds each column of rows as an array.
macro_rules! bind_columns {
    ($query:expr, $rows:expr, $($column:ident: $sql:ty,)+) => {{
        let query = $query;
        $(
            let query = query.bind::<diesel::sql_types::Array<$sql>, _>(
                $rows.iter().map(|row| &row.$column).collect::<Vec<_>>(),
            );
        )+
        query
    }};
}
pub(crate) use bind_columns;

/// The rows whose key begins with one of these ids, as an entry would cover them now.
pub(crate) async fn covered_now<R>(
    conn: &mut AsyncPgConnection,
    first: &[Uuid],
) -> Result<Vec<CoveredRow>, StoreError>
where
    R: LedgerRow + QueryableByName<Pg> + Send + 'static,
{
    let rows: Vec<R> = rows_of(conn, first).await?;
    Ok(rows.iter().map(R::covered).collect())
}

/// The same rows, each with its canonical text: what its digest is of.
pub(crate) async fn texts_now<R>(
    conn: &mut AsyncPgConnection,
    first: &[Uuid],
) -> Result<Vec<(CoveredRow, String)>, StoreError>
where
    R: LedgerRow + QueryableByName<Pg> + Send + 'static,
{
    let rows: Vec<R> = rows_of(conn, first).await?;
    let texts = rows.iter().map(|row| (row.covered(), canonical_json(row)));
    Ok(texts.collect())
}

async fn rows_of<R>(conn: &mut AsyncPgConnection, first: &[Uuid]) -> Result<Vec<R>, StoreError>
where
    R: LedgerRow + QueryableByName<Pg> + Send + 'static,
{
    let text = format!(
        "SELECT * FROM {} WHERE {} = ANY($1)",
        R::TABLE,
        R::FIRST_KEY
    );
    Ok(sql_query(text)
        .bind::<Array<SqlUuid>, _>(first)
        .load(conn)
        .await?)
}

/// `SELECT …, … FROM table rest`: what a connection is to keep prepared has each column named.
pub(crate) fn select_text<R: LedgerRow>(rest: &str) -> String {
    format!("SELECT {} FROM {} {rest}", R::COLUMNS.join(", "), R::TABLE)
}

/// The key of a row.
#[derive(diesel::QueryableByName)]
pub(crate) struct Key {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    pub(crate) key: uuid::Uuid,
}

/// `INSERT INTO table (…) SELECT UNNEST($1), …`. With `FROM UNNEST($1, …)` Postgres would write each
/// array out as a table first, and the rows that it makes of them as another.
pub(crate) fn insert_text(table: &str, columns: &[&str]) -> String {
    let places: Vec<String> = (1..=columns.len())
        .map(|place| format!("UNNEST(${place})"))
        .collect();
    format!(
        "INSERT INTO {table} ({}) SELECT {}",
        columns.join(", "),
        places.join(", "),
    )
}
