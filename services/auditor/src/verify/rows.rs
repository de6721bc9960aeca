//! Owns the comparison of ledger rows with what their entries say of them: each covered row must
//! be there, with the digest that was logged.

use std::collections::{BTreeMap, HashMap};

use contract::digest::Digest;
use serde::Deserialize;
use store::error::StoreError;
use store::ledger_leaf::LeafOfEntryRow;
use store::pool::Connection;
use store::{covered, uncovered};
use uuid::Uuid;

use crate::verify::verdict::{RowFault, Tampering};
use crate::verify::{Depth, Stop};

/// What an entry's text says of the rows it covers.
#[derive(Deserialize)]
struct Covering {
    #[serde(rename = "assay.rows", default)]
    rows: Vec<Covered>,
}

/// A row as it was logged.
#[derive(Deserialize)]
struct Covered {
    table: String,
    key: String,
    digest: Digest,
}

impl Covered {
    fn fault(&self, leaf: i64, fault: RowFault) -> Tampering {
        let (table, key) = (self.table.clone(), self.key.clone());
        Tampering::Row {
            index: leaf.unsigned_abs(),
            table,
            key,
            fault,
        }
    }
}

/// Compares the rows that these leaves' entries cover; says how many were good. The entries'
/// texts have been found good before.
pub(super) async fn compare(conn: &mut Connection, leaves: &[LeafOfEntryRow]) -> Result<u64, Stop> {
    let mut covered: Vec<(i64, Covered)> = Vec::new();
    for leaf in leaves {
        let text = leaf.entry.as_deref().unwrap_or_default();
        let Ok(covering) = serde_json::from_str::<Covering>(text) else {
            continue;
        };
        covered.extend(
            covering
                .rows
                .into_iter()
                .map(|row| (leaf.leaf.leaf_index, row)),
        );
    }
    let found = found(conn, &covered).await?;
    for (leaf, row) in &covered {
        match found.get(&(row.table.as_str(), row.key.as_str())) {
            Some(digest) if *digest == row.digest => {}
            Some(_) => return Err(row.fault(*leaf, RowFault::Altered).into()),
            None => return Err(row.fault(*leaf, RowFault::Gone).into()),
        }
    }
    Ok(covered.len() as u64)
}

/// The first row that no entry covers, if there is one.
pub(super) async fn uncovered(
    conn: &mut Connection,
    depth: Depth,
) -> Result<Option<Tampering>, StoreError> {
    if depth == Depth::Log {
        return Ok(None);
    }
    let found = uncovered::find(conn, 1).await?;
    Ok(found.into_iter().next().map(|row| Tampering::Uncovered {
        table: row.table_name,
        key: row.key,
        total: row.total.unsigned_abs(),
    }))
}

/// The digests of the covered rows as they are now, by table and key.
async fn found<'a>(
    conn: &mut Connection,
    covered: &'a [(i64, Covered)],
) -> Result<HashMap<(&'a str, &'a str), Digest>, StoreError> {
    let mut tables: BTreeMap<&str, Vec<(&str, Uuid)>> = BTreeMap::new();
    for (_, row) in covered {
        // A key that begins with no id is found nowhere, and so is its row.
        let first = row
            .key
            .split('/')
            .next()
            .and_then(|first| first.parse().ok());
        if let Some(first) = first {
            tables
                .entry(&row.table)
                .or_default()
                .push((&row.key, first));
        }
    }
    let mut found = HashMap::new();
    for (table, keys) in tables {
        let first: Vec<Uuid> = keys.iter().map(|(_, first)| *first).collect();
        let now = covered::now(conn, table, &first).await?.unwrap_or_default();
        let now: HashMap<String, Digest> =
            now.into_iter().map(|row| (row.key, row.digest)).collect();
        for (key, _) in keys {
            if let Some(digest) = now.get(key) {
                found.insert((table, key), *digest);
            }
        }
    }
    Ok(found)
}
