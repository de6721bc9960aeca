//! Owns how far a restore is: rows, so that nothing serves before it is finished, and so that it can
//! go on where it broke off.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use contract::audit::AuditEvent;
use contract::time::now;
use serde_json::{Map, Value, json};
use store::audit_entry::{self, PendingEntry};
use store::backup as database;
use store::pool::Connection;
use store::restore::{self, RestoreRow, RestoreStepRow};
use store::row::LedgerRow as _;
use store::transaction;
use uuid::Uuid;

use crate::backup::place::Whole;
use crate::restore::target::Target;

/// The ledger is loaded.
pub(super) const LEDGER: &str = "ledger";
/// The objects are there.
pub(super) const OBJECTS: &str = "objects";
/// The log has a new epoch.
pub(super) const LOG: &str = "log";
/// What was erased since the backup is erased again.
pub(super) const ERASURES: &str = "erasures";
/// It may serve.
const FINISHED: &str = "finished";
/// Objects or tables that a refusal names.
const NAMED_MAX: usize = 3;

/// A restore under way.
pub(super) struct Restoring {
    pub(super) conn: Connection,
    row: RestoreRow,
    done: BTreeSet<String>,
}

impl Restoring {
    /// Begins a restore into what is empty, or goes on with one that broke off.
    pub(super) async fn begin(
        target: &Target,
        backup: &Whole,
        keep_objects: bool,
    ) -> anyhow::Result<Self> {
        let mut conn = target.way.connection().await?;
        let services = database::connected_services(&mut conn).await?;
        if !services.is_empty() {
            bail!(
                "services are connected to this database: {}. Stop them first",
                services.join(", ")
            );
        }
        let begun = RestoreRow {
            id: Uuid::now_v7(),
            backup_id: backup.manifest.id,
            manifest_digest: backup.digest.to_string(),
            backup_made_at: backup.manifest.made_at,
            recorded_at: now(),
        };
        let mut restoring = Self {
            conn,
            row: begun,
            done: BTreeSet::new(),
        };
        if !restoring.go_on(backup).await? {
            refuse_tables(&mut restoring.conn).await?;
            target.refuse_objects(keep_objects).await?;
        }
        Ok(restoring)
    }

    /// Whether a restore of this backup broke off here, to be gone on with.
    async fn go_on(&mut self, backup: &Whole) -> anyhow::Result<bool> {
        let Some(found) = restore::unfinished(&mut self.conn).await? else {
            return Ok(false);
        };
        if found.backup_id != backup.manifest.id {
            bail!(
                "a restore of another backup, {}, is unfinished in this database: give that one, \
                 or an empty database",
                found.backup_id
            );
        }
        let steps = restore::steps(&mut self.conn, found.id).await?;
        self.done = steps.into_iter().map(|row| row.step).collect();
        if self.done.contains(LEDGER) {
            eprintln!("going on with the restore {}, which broke off", found.id);
            self.row.id = found.id;
            return Ok(true);
        }
        eprintln!("a restore broke off while the ledger was loaded: it is loaded anew");
        database::wipe(&mut self.conn).await?;
        Ok(true)
    }

    pub(super) fn is_done(&self, step: &str) -> bool {
        self.done.contains(step)
    }

    /// Writes down that it was begun: before any data is there.
    pub(super) async fn note_begun(&self, conn: &mut Connection) -> anyhow::Result<()> {
        let rows = std::slice::from_ref(&self.row);
        RestoreRow::insert(conn, rows)
            .await
            .context("note the restore")?;
        Ok(())
    }

    /// Writes down that a step is done.
    pub(super) async fn done(&mut self, step: &str, detail: Value) -> anyhow::Result<()> {
        let row = self.step(step, detail);
        RestoreStepRow::insert(&mut self.conn, &[row])
            .await
            .with_context(|| format!("note the step {step}"))?;
        self.done.insert(step.to_owned());
        Ok(())
    }

    /// What came of a step that is done.
    pub(super) async fn detail(&mut self, step: &str) -> anyhow::Result<Value> {
        let steps = restore::steps(&mut self.conn, self.row.id).await?;
        let found = steps.into_iter().find(|row| row.step == step);
        Ok(found.map(|row| row.detail).unwrap_or_default())
    }

    fn step(&self, step: &str, detail: Value) -> RestoreStepRow {
        RestoreStepRow {
            restore_id: self.row.id,
            step: step.to_owned(),
            detail,
            recorded_at: now(),
        }
    }

    /// Lets services start, and has the log say so: in one transaction.
    pub(super) async fn finish(mut self) -> anyhow::Result<()> {
        let text = "the restore's own row";
        let begun = restore::find(&mut self.conn, self.row.id)
            .await?
            .context(text)?;
        let steps = restore::steps(&mut self.conn, self.row.id).await?;
        let last = self.step(FINISHED, json!({}));
        let mut rows = vec![begun.covered()];
        rows.extend(steps.iter().map(RestoreStepRow::covered));
        rows.push(last.covered());
        let mut fields = Map::new();
        fields.insert("assay.restore.id".to_owned(), json!(begun.id));
        fields.insert("assay.backup.id".to_owned(), json!(begun.backup_id));
        let event = AuditEvent {
            action: "ledger-restored",
            subject: &begun.id.to_string(),
            service: "assay",
            outcome: "success",
            trace_id: None,
            at: last.recorded_at,
            fields,
            rows,
        };
        let entry = PendingEntry {
            entry: event.entry(),
            traceparent: None,
        };
        let (entry, last) = ([entry], [last]);
        transaction::run(&mut self.conn, async |conn| {
            RestoreStepRow::insert(conn, &last).await?;
            audit_entry::append(conn, &entry).await
        })
        .await
        .context("finish the restore")
    }
}

async fn refuse_tables(conn: &mut Connection) -> anyhow::Result<()> {
    let tables = database::tables(conn).await?;
    if tables.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = tables
        .iter()
        .take(NAMED_MAX)
        .map(|one| one.name.as_str())
        .collect();
    bail!(
        "the database is not empty: it has {} and {} tables in all. Nothing is restored over what \
         is there: make an empty database (DROP DATABASE, CREATE DATABASE) and name it in \
         postgres.url",
        named.join(", "),
        tables.len()
    )
}
