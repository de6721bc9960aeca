//! Owns recording people: the pseudonym in the ledger, who it is in the schema `privacy`.

use std::collections::HashSet;

use store::error::StoreError;
use store::principal::{PersonRow, PrincipalRow};
use store::transaction::LedgerConnection;
use uuid::Uuid;

use crate::plan::sorted;
use crate::pseudonym::Pseudonym;

/// Inserts people that are not there yet; says which were new, with the rows that were written.
pub(crate) async fn insert(
    conn: &mut LedgerConnection,
    named: impl IntoIterator<Item = Pseudonym>,
) -> Result<Vec<PrincipalRow>, StoreError> {
    let named = sorted(named, |pseudonym| pseudonym.principal.id);
    let principals: Vec<PrincipalRow> = named.iter().map(|p| p.principal.clone()).collect();
    let persons: Vec<PersonRow> = named.into_iter().map(|p| p.person).collect();
    let new: HashSet<Uuid> = PrincipalRow::insert(conn, &principals).await?;
    PersonRow::insert(conn, &persons).await?;
    let is_new = |row: &PrincipalRow| new.contains(&row.id);
    Ok(principals.into_iter().filter(is_new).collect())
}
