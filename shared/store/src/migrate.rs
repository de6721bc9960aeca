//! Owns the migrations' run and their check. Only the operator's command runs them; a service
//! checks them at start and refuses to run on a mismatch.

use std::error::Error;

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::MigrationHarness;

use crate::error::StoreError;
use crate::pool::Store;
use crate::restore;
use crate::tls;

/// The advisory lock that lets one migration run at a time: "assay" in ASCII.
const MIGRATE_LOCK: i64 = 0x61_73_73_61_79;

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Runs every migration that has not run yet, as the database's owner; gives back their names.
/// Needs the multi-thread runtime.
///
/// # Errors
/// [`StoreError::Connect`] if `url` gives no connection, [`StoreError::Migrate`] with the failing
/// migration otherwise.
pub async fn up(url: &str) -> Result<Vec<String>, StoreError> {
    let mut conn = tls::connect(url)
        .await
        .map_err(|error| StoreError::Connect(error.into()))?;
    // Held by this connection, so it goes when the connection does.
    sql_query(format!("SELECT pg_advisory_lock({MIGRATE_LOCK})"))
        .execute(&mut conn)
        .await?;
    let mut harness = AsyncMigrationHarness::new(conn);
    let run = harness
        .run_pending_migrations(schema::MIGRATIONS)
        .map_err(|error| StoreError::Migrate(error.to_string()))?;
    Ok(run.iter().map(ToString::to_string).collect())
}

/// The same for everybody but a restore: not while one of the ledger is unfinished.
///
/// # Errors
/// [`StoreError::Restoring`], and as [`up`].
pub async fn up_unless_restoring(url: &str) -> Result<Vec<String>, StoreError> {
    let mut conn = tls::connect(url)
        .await
        .map_err(|error| StoreError::Connect(error.into()))?;
    finished(&mut conn).await?;
    drop(conn);
    up(url).await
}

/// Takes every migration back, newest first. For the tests of the `down.sql` files and for
/// nobody else: it drops the ledger.
///
/// # Errors
/// As [`up`].
pub async fn down(url: &str) -> Result<usize, StoreError> {
    let conn = tls::connect(url)
        .await
        .map_err(|error| StoreError::Connect(error.into()))?;
    let mut harness = AsyncMigrationHarness::new(conn);
    let reverted = harness
        .revert_all_migrations(schema::MIGRATIONS)
        .map_err(|error| StoreError::Migrate(error.to_string()))?;
    Ok(reverted.len())
}

/// Checks that the newest migration that this program knows has run.
///
/// # Errors
/// [`StoreError::Schema`] if it has not, [`StoreError::Restoring`] while the ledger is being made
/// anew from a backup, and those of a query.
pub async fn check(store: &Store) -> Result<(), StoreError> {
    let needed = newest()?;
    let mut conn = match store.connection().await {
        // The roles are made by the migrations: before them nobody but the owner gets in.
        Err(StoreError::Connect(error)) if lacks_role(&*error) => {
            let found = format!("nothing ({})", innermost(&*error));
            return Err(StoreError::Schema { found, needed });
        }
        connected => connected?,
    };
    if view(&mut conn).await?.is_none() {
        let found = "nothing".to_owned();
        return Err(StoreError::Schema { found, needed });
    }
    finished(&mut conn).await?;
    let applied: Vec<Version> = sql_query("SELECT version FROM schema_version ORDER BY version")
        .load(&mut conn)
        .await?;
    if applied.iter().any(|row| row.version == needed) {
        return Ok(());
    }
    let found = applied
        .last()
        .map_or_else(|| "nothing".to_owned(), |row| row.version.clone());
    Err(StoreError::Schema { found, needed })
}

/// The migrations that this program knows, oldest first.
///
/// # Errors
/// [`StoreError::Migrate`]: never, as they are part of the program.
pub fn known() -> Result<Vec<String>, StoreError> {
    let migrations = MigrationSource::<Pg>::migrations(&schema::MIGRATIONS)
        .map_err(|error| StoreError::Migrate(error.to_string()))?;
    let mut known: Vec<String> = migrations
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    known.sort();
    Ok(known)
}

/// The migrations that have run in a migrated database, oldest first.
///
/// # Errors
/// What the database answers.
pub async fn applied(conn: &mut AsyncPgConnection) -> Result<Vec<String>, StoreError> {
    let rows: Vec<Version> = sql_query("SELECT version FROM schema_version ORDER BY version")
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// Checks that no restore of the ledger is unfinished: what was erased since the backup may be back
/// until it is.
///
/// # Errors
/// [`StoreError::Restoring`] if one is, and those of a query.
pub async fn finished(conn: &mut AsyncPgConnection) -> Result<(), StoreError> {
    match restore::unfinished(conn).await? {
        None => Ok(()),
        Some(found) => Err(StoreError::Restoring {
            backup: found.backup_id.to_string(),
            since: contract::time::to_text(found.recorded_at),
        }),
    }
}

/// Whether the database says that it does not know who wants to connect.
fn lacks_role(error: &(dyn Error + 'static)) -> bool {
    let said = innermost(error);
    // Neither the pool nor Diesel hand on the code, 28000; Postgres' words for it are fixed.
    said.contains("role \"") && said.contains("\" does not exist")
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}

/// The view that says what has run; `None` in a database where nothing has.
async fn view(conn: &mut AsyncPgConnection) -> Result<Option<Version>, StoreError> {
    let text = "SELECT oid::text AS version FROM (SELECT to_regclass('schema_version') AS oid) v \
                WHERE oid IS NOT NULL";
    Ok(sql_query(text).get_result(conn).await.optional()?)
}

fn newest() -> Result<String, StoreError> {
    Ok(known()?.pop().unwrap_or_default())
}
