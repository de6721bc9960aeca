//! Owns the transaction that ends a command to publish a lab: its row, and the version.

use contract::canonical::canonical_json;
use contract::command::LabPublishRequested;
use contract::digest::Digest;
use contract::ids::{LabId, LabVersionId};
use contract::name::CommitSha;
use contract::time::Timestamp;
use lab::spec::LabSpec;
use serde_json::{Value, json};
use store::command::CommandRow;
use store::error::StoreError;
use store::lab::LabRow;
use store::lab_version::LabVersionRow;
use store::pool::Store;
use store::row::LedgerRow;
use store::transaction::LedgerConnection;

use crate::audit;
use git::origin::without_credentials;

/// A lab's state that was preserved.
#[derive(Clone, Debug)]
pub(crate) struct Preserved {
    /// Whose objects hold it: the lab's id, found or minted.
    pub(crate) lab: LabId,
    pub(crate) spec: LabSpec,
    pub(crate) commit: CommitSha,
    pub(crate) digest: Digest,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// What the transaction came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Recorded {
    /// The command has its row, written now or before.
    Done,
    /// Somebody else made the lab meanwhile, by this id: the objects must lie there.
    LabIs(LabId),
}

/// Records that a command was refused.
pub(crate) async fn refuse(
    store: &Store,
    request: &LabPublishRequested,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = command_row(request, Err(reason), now);
    let mut conn = store.connection().await?;
    let writing = async |conn: &mut LedgerConnection| {
        if CommandRow::insert(conn, std::slice::from_ref(&row))
            .await?
            .is_empty()
        {
            return Ok(());
        }
        let entry = audit::of_publishing(request, "failure", None, vec![row.covered()], now);
        store::audit_entry::append(conn, &[entry]).await
    };
    store::transaction::run(&mut conn, writing).await
}

/// Records a published version, or finds the one that has this tree, and ends the command.
pub(crate) async fn accept(
    store: &Store,
    request: &LabPublishRequested,
    preserved: &Preserved,
    now: Timestamp,
) -> Result<Recorded, StoreError> {
    let mut conn = store.connection().await?;
    let writing = async |conn: &mut LedgerConnection| write(conn, request, preserved, now).await;
    store::transaction::run(&mut conn, writing).await
}

async fn write(
    conn: &mut LedgerConnection,
    request: &LabPublishRequested,
    preserved: &Preserved,
    now: Timestamp,
) -> Result<Recorded, StoreError> {
    let Preserved { spec, digest, .. } = preserved;
    store::lab::lock(conn, &spec.slug).await?;
    if store::command::find(conn, request.command).await?.is_some() {
        return Ok(Recorded::Done);
    }
    let (lab, new_lab) = match store::lab::find_by_slug(conn, &spec.slug).await? {
        Some(row) if row.id != preserved.lab.as_uuid() => {
            return Ok(Recorded::LabIs(LabId::from_uuid(row.id)));
        }
        Some(row) => (row, false),
        None => (lab_row(preserved, now), true),
    };
    let existing = store::lab_version::find_by_digest(conn, preserved.lab, *digest).await?;
    let new_version = existing.is_none();
    let version = match existing {
        Some(version) => version,
        None => {
            let newest = store::lab_version::newest_of(conn, preserved.lab).await?;
            let number = newest.map_or(1, |row| row.number + 1);
            version_row(request, preserved, number, now)
        }
    };
    let result = result(&lab, &version, new_version);
    let command = command_row(request, Ok(result.clone()), now);

    let mut rows = vec![command.covered()];
    CommandRow::insert(conn, &[command]).await?;
    if new_lab {
        rows.push(lab.covered());
        LabRow::insert(conn, &[lab]).await?;
    }
    if new_version {
        rows.push(version.covered());
        LabVersionRow::insert(conn, &[version]).await?;
    }
    let entry = audit::of_publishing(request, "success", Some(&result), rows, now);
    store::audit_entry::append(conn, &[entry]).await?;
    Ok(Recorded::Done)
}

fn lab_row(preserved: &Preserved, now: Timestamp) -> LabRow {
    LabRow {
        id: preserved.lab.as_uuid(),
        slug: preserved.spec.slug.to_string(),
        recorded_at: now,
    }
}

fn version_row(
    request: &LabPublishRequested,
    preserved: &Preserved,
    number: i32,
    now: Timestamp,
) -> LabVersionRow {
    LabVersionRow {
        id: LabVersionId::new().as_uuid(),
        lab_id: preserved.lab.as_uuid(),
        number,
        digest: preserved.digest.to_string(),
        title: preserved.spec.title.clone(),
        spec: json!(preserved.spec),
        commit_sha: preserved.commit.to_string(),
        location: without_credentials(&request.location),
        files: i32::try_from(preserved.files).unwrap_or(i32::MAX),
        bytes: i64::try_from(preserved.bytes).unwrap_or(i64::MAX),
        command_id: request.command.as_uuid(),
        recorded_at: now,
    }
}

/// What a caller is told of an accepted command; the README says what each part is.
fn result(lab: &LabRow, version: &LabVersionRow, new: bool) -> Value {
    json!({
        "lab": lab.id,
        "slug": lab.slug,
        "version": version.id,
        "number": version.number,
        "digest": version.digest,
        "commit": version.commit_sha,
        "files": version.files,
        "bytes": version.bytes,
        "new": new,
    })
}

fn command_row(
    request: &LabPublishRequested,
    ended: Result<Value, &str>,
    now: Timestamp,
) -> CommandRow {
    let mut body = request.clone();
    body.location = without_credentials(&body.location);
    let (outcome, reason, result) = match ended {
        Ok(result) => ("accepted", None, Some(result)),
        // Postgres takes no NUL, and a file's mistake may quote one.
        Err(reason) => ("refused", Some(reason.replace('\0', "\u{fffd}")), None),
    };
    CommandRow {
        id: request.command.as_uuid(),
        kind: LabPublishRequested::TOKEN.to_owned(),
        actor: request.actor.to_string(),
        body: without_nul(json!(body)),
        outcome: outcome.to_owned(),
        reason,
        result,
        recorded_at: now,
    }
}

/// JSONB takes no NUL either.
fn without_nul(value: Value) -> Value {
    let text = canonical_json(&value);
    if !text.contains("\\u0000") {
        return value;
    }
    serde_json::from_str(&text.replace("\\u0000", "\\ufffd")).unwrap_or(Value::Null)
}
