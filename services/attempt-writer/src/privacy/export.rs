//! Owns reading what is sealed, for whoever was allowed to: people found by what they are called,
//! and everything that is held of them. It reads only; that somebody is about to read is an order,
//! and recorded first.

use contract::ids::PrincipalId;
use serde_json::{Map, Value, json};
use store::delivery_body::{self, BodyName, BodyRow};
use store::error::StoreError;
use store::person_key;
use store::pool::Connection;
use store::principal;
use store::view;
use uuid::Uuid;
use zstd::bulk::decompress;

use crate::person::{Named, name_of, open_frame, open_headers};
use crate::seal::MasterKeys;
use crate::taken::FRAME_BYTES_MAX;

/// Rows that are opened at one time.
const PAGE_MAX: i64 = 500;
/// What stands for the provider of a commit's author, who is known by an address.
const GIT: &str = "git";

/// The people of a provider with this login; of `git`, with this address. `conn` may read the
/// schema `privacy`.
///
/// # Errors
/// What the database answers; a master key is missing.
pub async fn find(
    conn: &mut Connection,
    masters: &MasterKeys,
    provider: &str,
    called: &str,
) -> Result<Vec<PrincipalId>, StoreError> {
    let called = called.trim().to_lowercase();
    let (mut found, mut beyond) = (Vec::new(), Uuid::nil());
    // Ends: each page begins beyond the one before it.
    loop {
        let rows = principal::of_provider(conn, provider, beyond, PAGE_MAX).await?;
        let Some(last) = rows.last() else {
            return Ok(found);
        };
        beyond = last.principal_id;
        let owners: Vec<Uuid> = rows.iter().map(|row| row.principal_id).collect();
        let keys = person_key::find(conn, &owners).await?;
        for row in &rows {
            let key = keys.iter().find(|key| key.owner_id == row.principal_id);
            let Some(key) = key else { continue };
            let named = Named::open(row, &masters.unwrap(key)?)?;
            let text = if provider == GIT {
                named.email
            } else {
                named.login
            };
            if text.is_some_and(|text| text.trim().to_lowercase() == called) {
                found.push(PrincipalId::from_uuid(row.principal_id));
            }
        }
    }
}

/// Everything that is held of people. `sealed` may read the schema `privacy`, `ledger` the ledger.
/// Large bodies are named, not told.
///
/// # Errors
/// What the database answers; a master key is missing.
pub async fn export(
    sealed: &mut Connection,
    ledger: &mut Connection,
    masters: &MasterKeys,
    people: &[PrincipalId],
) -> Result<Value, StoreError> {
    let ids: Vec<Uuid> = people.iter().map(|person| person.as_uuid()).collect();
    let mut held: Map<String, Value> = view::person::of(ledger, &ids).await?;
    held.insert("people".into(), persons(sealed, masters, &ids).await?);
    held.insert("raw_bodies".into(), bodies(sealed, masters, &ids).await?);
    Ok(Value::Object(held))
}

async fn persons(
    conn: &mut Connection,
    masters: &MasterKeys,
    ids: &[Uuid],
) -> Result<Value, StoreError> {
    let keys = person_key::find(conn, ids).await?;
    let rows = principal::persons(conn, ids).await?;
    let mut told = Vec::new();
    for known in principal::find(conn, ids).await? {
        let key = keys.iter().find(|key| key.owner_id == known.id);
        let row = rows.iter().find(|row| row.principal_id == known.id);
        let named = match (key, row) {
            (Some(key), Some(row)) => Some(Named::open(row, &masters.unwrap(key)?)?),
            _ => None,
        };
        told.push(json!({
            "id": known.id, "provider": known.provider, "account": known.account,
            "recorded_at": known.recorded_at, "named": named,
        }));
    }
    Ok(Value::Array(told))
}

async fn bodies(
    conn: &mut Connection,
    masters: &MasterKeys,
    ids: &[Uuid],
) -> Result<Value, StoreError> {
    let mut told = Vec::new();
    let mut beyond = BodyName {
        delivery_id: Uuid::nil(),
        body_digest: String::new(),
    };
    // Ends: each page begins beyond the one before it.
    loop {
        let rows = delivery_body::rows_naming(conn, ids, &beyond, PAGE_MAX).await?;
        let Some(last) = rows.last() else {
            return Ok(Value::Array(told));
        };
        beyond.delivery_id = last.delivery_id;
        beyond.body_digest.clone_from(&last.body_digest);
        let owners: Vec<Uuid> = rows.iter().map(|row| row.owner_id).collect();
        let keys = person_key::find(conn, &owners).await?;
        for row in &rows {
            if let Some(key) = keys.iter().find(|key| key.owner_id == row.owner_id) {
                told.push(body(row, &masters.unwrap(key)?)?);
            }
        }
    }
}

fn body(row: &BodyRow, key: &crate::seal::PersonKey) -> Result<Value, StoreError> {
    let name = name_of(row);
    let frame = row.sealed_body.as_ref();
    let frame = frame
        .map(|sealed| open_frame(&name, sealed, key))
        .transpose()?;
    let capacity = usize::try_from(FRAME_BYTES_MAX).unwrap_or(usize::MAX);
    let text = frame.and_then(|frame| decompress(&frame, capacity).ok());
    Ok(json!({
        "delivery": row.delivery_id,
        "digest": row.body_digest,
        "headers": open_headers(&name, &row.sealed_headers, key)?,
        "body": text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        "recorded_at": row.recorded_at,
    }))
}
