//! Owns recording people: the pseudonym in the ledger, who it is in the schema `privacy`, sealed.

use std::collections::{BTreeMap, HashSet};

use contract::time::Timestamp;
use store::error::StoreError;
use store::principal::{self, PersonRow, PrincipalRow};
use store::transaction::LedgerConnection;
use uuid::Uuid;

use crate::keyring::Keyring;
use crate::plan::sorted;
use crate::pseudonym::Pseudonym;
use crate::seal::MasterKeys;

/// People that were written.
pub(crate) struct Inserted {
    /// Those that were not there before, with the rows that were written.
    pub(crate) new: Vec<PrincipalRow>,
    /// Everybody's keys.
    pub(crate) keys: Keyring,
}

/// Inserts people that are not there yet, each with when what names it was received. `others` are
/// owners of keys who are no people.
pub(crate) async fn insert(
    conn: &mut LedgerConnection,
    named: &[(&Pseudonym, Timestamp)],
    others: BTreeMap<Uuid, Timestamp>,
    masters: &MasterKeys,
    now: Timestamp,
) -> Result<Inserted, StoreError> {
    let mut owners = others;
    for (pseudonym, received_at) in named {
        let newest = owners.entry(pseudonym.principal.id).or_insert(*received_at);
        *newest = (*newest).max(*received_at);
    }
    let named = sorted(named.iter().map(|(pseudonym, _)| *pseudonym), |pseudonym| {
        pseudonym.principal.id
    });
    let principals: Vec<PrincipalRow> = named.iter().map(|p| p.principal.clone()).collect();
    let new: HashSet<Uuid> = PrincipalRow::insert(conn, &principals).await?;
    let keys = Keyring::hold(conn, masters, &owners, now).await?;
    let ids: Vec<Uuid> = principals.iter().map(|row| row.id).collect();
    let there = principal::persons_there(conn, &ids).await?;
    let missing = named
        .iter()
        .map(|pseudonym| (pseudonym.principal.id, pseudonym));
    let missing = missing.filter(|(id, _)| !there.contains(id));
    let sealed = missing.filter_map(|(id, pseudonym)| {
        Some(PersonRow {
            principal_id: id,
            sealed: pseudonym.named.seal(id, keys.of(id)?),
            recorded_at: now,
        })
    });
    let persons: Vec<PersonRow> = sealed.collect();
    PersonRow::insert(conn, &persons).await?;
    let is_new = |row: &PrincipalRow| new.contains(&row.id);
    Ok(Inserted {
        new: principals.into_iter().filter(is_new).collect(),
        keys,
    })
}
