//! Owns loading the dump: the tables first, then the row that says that a restore is under way, then
//! what is in them, then their guards. Each in one transaction.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, bail};
use process::settings::postgres::Role;
use serde_json::{Value, json};
use servers::client::Clients;
use store::backup as database;
use store::pool::Connection;

use crate::backup::ledger::major;
use crate::backup::place::Whole;
use crate::backup::progress::Progress;
use crate::restore::steps::Restoring;
use crate::restore::target::Target;

/// The table that has a row more than the backup: this restore's.
const OF_RESTORES: &str = "restore";

/// Loads the ledger, and holds what came against the manifest.
pub(super) async fn load(
    target: &Target,
    backup: &Whole,
    restoring: &Restoring,
) -> anyhow::Result<()> {
    let progress = Progress::begin("the ledger");
    let manifest = &backup.manifest;
    let dump = backup.file(&manifest.ledger)?;
    let mut conn = target.way.connection().await?;
    let server = major(database::server_version(&mut conn).await?)?;
    let theirs = major(manifest.postgres)?;
    if server < theirs {
        bail!("this Postgres is {server}, and the backup's was {theirs}: use {theirs} or newer");
    }
    // The dump is read by the program that wrote it, or a newer one.
    let clients = Clients::find(server.max(manifest.pg_dump))?;
    database::make_roles(&mut conn, &manifest.roles).await?;
    section(&clients, target, &dump, "pre-data").await?;
    restoring.note_begun(&mut conn).await?;
    section(&clients, target, &dump, "data").await?;
    section(&clients, target, &dump, "post-data").await?;
    compare(&mut conn, backup).await?;
    let url = target.settings.postgres_url(Role::Owner)?;
    let url = url.expose_str().context("postgres.url is no text")?;
    let migrated = store::migrate::up(url).await?;
    progress.end(&format!(
        "{} rows, {} migrations since",
        manifest.rows.values().sum::<i64>(),
        migrated.len()
    ));
    Ok(())
}

/// What is written down of it.
pub(super) fn detail(backup: &Whole) -> Value {
    json!({ "rows": backup.manifest.rows.values().sum::<i64>() })
}

async fn section(
    clients: &Clients,
    target: &Target,
    dump: &Path,
    section: &str,
) -> anyhow::Result<()> {
    let arguments: [OsString; 5] = [
        "--no-owner".into(),
        "--exit-on-error".into(),
        "--single-transaction".into(),
        format!("--section={section}").into(),
        dump.into(),
    ];
    let restored = clients.restore(&target.way.login()?, &arguments).await;
    restored.with_context(|| format!("load the ledger's {section}"))
}

async fn compare(conn: &mut Connection, backup: &Whole) -> anyhow::Result<()> {
    let mut expected = backup.manifest.rows.clone();
    for table in database::tables(conn).await? {
        let found = database::count(conn, &table).await?;
        let ours = i64::from(table.name == OF_RESTORES);
        match expected.remove(&table.name) {
            Some(rows) if rows + ours == found => {}
            rows => bail!(
                "{} has {found} rows after loading, and the manifest says {rows:?}",
                table.name
            ),
        }
    }
    match expected.keys().next() {
        Some(missing) => bail!("{missing} is in the manifest and was not loaded"),
        None => Ok(()),
    }
}
