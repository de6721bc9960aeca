//! Owns what the log says of a backup: who made it, when, and of what state of the ledger.

use anyhow::Context as _;
use contract::audit::AuditEvent;
use contract::name::Actor;
use contract::time::{now, to_text};
use serde_json::{Map, json};
use store::audit_entry::{self, PendingEntry};
use store::transaction;
use tlog::checkpoint;

use crate::backup::ledger::OwnersWay;
use crate::backup::manifest::Manifest;

/// Why, as the log says it.
const REASON: &str = "a copy of the ledger and the objects was made";

/// Writes the entry of a backup that is whole.
pub(super) async fn record(
    way: &OwnersWay,
    actor: &Actor,
    manifest: &Manifest,
) -> anyhow::Result<()> {
    let note = manifest.log.checkpoint.as_deref();
    let said = note.and_then(|note| checkpoint::said(note).ok());
    let mut fields = Map::new();
    let mut set = |name: &str, value| fields.insert(name.to_owned(), value);
    set("assay.actor", json!(actor));
    set("assay.reason", json!(REASON));
    set("assay.backup.id", json!(manifest.id));
    set("assay.backup.ledger_at", json!(to_text(manifest.made_at)));
    set("assay.backup.objects", json!(manifest.objects));
    set("assay.backup.keys_copied", json!(manifest.keys.copied));
    // The position: the log as it was signed then.
    let origin = said
        .as_ref()
        .map_or(&manifest.log.origin, |said| &said.origin);
    set("assay.log.origin", json!(origin));
    set(
        "assay.backup.leaves",
        json!(said.as_ref().map_or(0, |said| said.size)),
    );
    let event = AuditEvent {
        action: "ledger-backed-up",
        subject: &manifest.id.to_string(),
        service: "assay",
        outcome: "success",
        trace_id: None,
        at: now(),
        fields,
        rows: Vec::new(),
    };
    let entry = [PendingEntry {
        entry: event.entry(),
        traceparent: None,
    }];
    let mut conn = way.connection().await?;
    let work = async |conn: &mut _| audit_entry::append(conn, &entry).await;
    transaction::run(&mut conn, work)
        .await
        .context("write the entry of the backup")
}
