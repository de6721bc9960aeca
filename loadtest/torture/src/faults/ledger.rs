//! What is done to Postgres.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use crate::ground::Ground;
use crate::seat::TIGHT;

/// How long a statement of a side connection may take, in seconds.
const STATEMENT_SECS_MAX: u64 = 30;
/// Ends what the services' connections are doing.
const END_BACKENDS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE usename LIKE 'assay\\_%' AND usename <> current_user";
/// Locks in the other order than a writer does, which Postgres ends by failing one of the two.
const DEADLOCK: &str = "BEGIN; LOCK TABLE push IN SHARE ROW EXCLUSIVE MODE; SELECT pg_sleep(1); \
    LOCK TABLE delivery_receipt IN SHARE ROW EXCLUSIVE MODE; SELECT pg_sleep(0.2); COMMIT";
/// What Postgres says of it.
const DEADLOCK_DETECTED: &str = "deadlock detected";
/// Makes every writer wait, for longer than whoever wants a connection of a pool does.
const LOCK: &str = "BEGIN; LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(8); \
    COMMIT";
/// What a process says that did not get one.
const POOL_EXHAUSTED: &str = "Timeout occurred while waiting for a slot";
/// What Postgres says of connections that it does not take.
const NO_CONNECTION: &str = "too many connections for database";

pub(super) async fn kill(ground: &Ground, lasts: Duration) -> Result<()> {
    let mut house = ground.house().await;
    house.postgres_mut().kill().await?;
    tokio::time::sleep(lasts).await;
    house.postgres_mut().start_again().await?;
    Ok(())
}

pub(super) async fn end_backends(ground: &Ground) -> Result<()> {
    statement(ground, END_BACKENDS).await
}

/// Says whether Postgres ended one: which of the two it failed was its choice.
pub(super) async fn deadlock(ground: &Ground) -> Result<bool> {
    let before = ground.postgres_said(DEADLOCK_DETECTED).await;
    match statement(ground, DEADLOCK).await {
        Err(error) if error.to_string().contains(DEADLOCK_DETECTED) => Ok(true),
        Err(error) => Err(error),
        Ok(()) => Ok(ground.postgres_said(DEADLOCK_DETECTED).await > before),
    }
}

/// Says whether the pool was empty for somebody.
pub(super) async fn lock_table(ground: &Ground) -> Result<bool> {
    let seat = ground.seat(TIGHT);
    let _turn = seat.turn.lock().await;
    let before = seat.said(POOL_EXHAUSTED);
    statement(ground, LOCK).await?;
    Ok(seat.said(POOL_EXHAUSTED) > before)
}

/// Says whether somebody wanted a connection meanwhile.
pub(super) async fn exhaust(ground: &Ground, lasts: Duration) -> Result<bool> {
    let before = ground.postgres_said(NO_CONNECTION).await;
    statement(ground, "ALTER DATABASE assay CONNECTION LIMIT 0").await?;
    let ended = statement(ground, END_BACKENDS).await;
    tokio::time::sleep(lasts).await;
    statement(ground, "ALTER DATABASE assay CONNECTION LIMIT -1").await?;
    ended?;
    Ok(ground.postgres_said(NO_CONNECTION).await > before)
}

/// Runs a statement on a side connection, as the ledger's owner.
async fn statement(ground: &Ground, statement: &str) -> Result<()> {
    let mut psql = Command::new("psql");
    psql.args([
        ground.owner_url(),
        "--quiet",
        "--no-psqlrc",
        "-v",
        "ON_ERROR_STOP=1",
    ]);
    let running = psql.args(["-c", statement]).kill_on_drop(true).output();
    let limit = Duration::from_secs(STATEMENT_SECS_MAX);
    let said = tokio::time::timeout(limit, running).await;
    let said = said.context("wait for a statement")?.context("run psql")?;
    if !said.status.success() {
        bail!("{}", String::from_utf8_lossy(&said.stderr).trim());
    }
    Ok(())
}
