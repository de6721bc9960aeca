//! Owns what a backup and a restore ask of the database itself: one moment of it, what is in it,
//! and whether anything is. As its owner.

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::error::StoreError;

/// Schemas that are not the database's own.
const OURS: &str = "nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'";

/// A table with how many rows it has.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Table {
    /// Its name, with the schema where that is not `public`; quoted where it must be.
    #[diesel(sql_type = Text)]
    pub name: String,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Holds one moment of the database until the connection is dropped, and gives its name, by which
/// others see the same one.
///
/// # Errors
/// What the database answers.
pub async fn hold_moment(conn: &mut AsyncPgConnection) -> Result<String, StoreError> {
    conn.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    word(conn, "SELECT pg_export_snapshot() AS word").await
}

/// The server's version: the number that `server_version_num` is, 150018 for 15.18.
///
/// # Errors
/// What the database answers.
pub async fn server_version(conn: &mut AsyncPgConnection) -> Result<i64, StoreError> {
    let text = "SELECT current_setting('server_version_num')::bigint AS number";
    number(conn, text).await
}

/// The services' roles: those that the migrations made.
///
/// # Errors
/// What the database answers.
pub async fn roles(conn: &mut AsyncPgConnection) -> Result<Vec<String>, StoreError> {
    let text = "SELECT rolname::text AS word FROM pg_roles \
                WHERE rolname LIKE 'assay\\_%' AND rolname <> current_user ORDER BY rolname";
    words(conn, text).await
}

/// Makes the roles that are missing, as the migrations make them: a role belongs to the server and
/// is in no dump of a database. Its password is for whoever runs the server to set.
///
/// # Errors
/// What the database answers.
pub async fn make_roles(conn: &mut AsyncPgConnection, names: &[String]) -> Result<(), StoreError> {
    for name in names {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        if !name.bytes().all(plain) || !name.starts_with("assay_") {
            continue;
        }
        let text = format!(
            "DO $$ BEGIN CREATE ROLE {name} LOGIN NOINHERIT; \
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        );
        sql_query(text).execute(conn).await?;
    }
    Ok(())
}

/// Every table that is not the database's own, in the order of their names.
///
/// # Errors
/// What the database answers.
pub async fn tables(conn: &mut AsyncPgConnection) -> Result<Vec<Table>, StoreError> {
    let text = format!(
        "SELECT CASE nspname WHEN 'public' THEN '' ELSE quote_ident(nspname) || '.' END \
                || quote_ident(relname) AS name \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE relkind IN ('r', 'p') AND {OURS} ORDER BY 1"
    );
    Ok(sql_query(text).load(conn).await?)
}

/// How many rows a table has: one of [`tables`].
///
/// # Errors
/// What the database answers.
pub async fn count(conn: &mut AsyncPgConnection, table: &Table) -> Result<i64, StoreError> {
    let text = format!("SELECT count(*) AS number FROM {}", table.name);
    number(conn, &text).await
}

/// Who else is connected to this database as a service.
///
/// # Errors
/// What the database answers.
pub async fn connected_services(conn: &mut AsyncPgConnection) -> Result<Vec<String>, StoreError> {
    let text = "SELECT DISTINCT usename::text AS word FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid() \
                AND usename LIKE 'assay\\_%' AND usename <> current_user ORDER BY 1";
    words(conn, text).await
}

/// Empties a database into which a restore was begun and not finished. Nothing was served from it.
///
/// # Errors
/// What the database answers.
pub async fn wipe(conn: &mut AsyncPgConnection) -> Result<(), StoreError> {
    let text = format!("SELECT quote_ident(nspname) AS word FROM pg_namespace WHERE {OURS}");
    let schemas = words(conn, &text).await?;
    let mut text = "BEGIN; ".to_owned();
    for schema in schemas {
        text.push_str(&format!("DROP SCHEMA {schema} CASCADE; "));
    }
    // As the server itself makes it.
    text.push_str("CREATE SCHEMA public AUTHORIZATION pg_database_owner; COMMIT");
    Ok(conn.batch_execute(&text).await?)
}

async fn word(conn: &mut AsyncPgConnection, text: &str) -> Result<String, StoreError> {
    let found: Word = sql_query(text).get_result(conn).await?;
    Ok(found.word)
}

async fn words(conn: &mut AsyncPgConnection, text: &str) -> Result<Vec<String>, StoreError> {
    let found: Vec<Word> = sql_query(text).load(conn).await?;
    Ok(found.into_iter().map(|one| one.word).collect())
}

async fn number(conn: &mut AsyncPgConnection, text: &str) -> Result<i64, StoreError> {
    let found: Number = sql_query(text).get_result(conn).await?;
    Ok(found.number)
}
