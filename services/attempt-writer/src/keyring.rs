//! Owns the keys that a transaction seals with: found or made, held until it ends, and none for
//! whoever was erased after what is sealed was received.

use std::collections::{BTreeMap, HashMap, HashSet};

use contract::ids::PrincipalId;
use contract::name::SourceName;
use contract::time::Timestamp;
use store::erasure;
use store::error::StoreError;
use store::person_key::{self, PersonKeyRow};
use store::transaction::LedgerConnection;
use uuid::Uuid;

use crate::seal::{MasterKeys, PersonKey};

/// What stands for the provider in the id of a source's key.
const SOURCE: &str = "source";

/// Keys by their owners.
#[derive(Default)]
pub(crate) struct Keyring {
    keys: HashMap<Uuid, PersonKey>,
    erased: HashMap<Uuid, Timestamp>,
}

/// Whose key seals what names nobody.
pub(crate) fn of_source(source: &SourceName) -> Uuid {
    PrincipalId::compute(SOURCE, source.as_str()).as_uuid()
}

impl Keyring {
    /// The keys of these owners, each with when the newest was received that is to be sealed.
    pub(crate) async fn hold(
        conn: &mut LedgerConnection,
        masters: &MasterKeys,
        owners: &BTreeMap<Uuid, Timestamp>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let ids: Vec<Uuid> = owners.keys().copied().collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let mut rows = person_key::hold(conn, &ids).await?;
        let known: HashSet<Uuid> = rows.iter().map(|row| row.owner_id).collect();
        let missing: Vec<Uuid> = ids
            .iter()
            .copied()
            .filter(|id| !known.contains(id))
            .collect();
        if !missing.is_empty() {
            let minted = missing.iter().map(|id| masters.mint(*id, now));
            let minted = minted.collect::<Result<Vec<_>, _>>()?;
            PersonKeyRow::insert(conn, &minted).await?;
            // Somebody else may have been first.
            rows.extend(person_key::hold(conn, &missing).await?);
        }
        // Now that the keys are held nobody is erased before this is written.
        let mut ring = Self::default();
        for row in erasure::of_people(conn, &ids).await? {
            let newest = ring.erased.entry(row.principal_id).or_insert(row.erased_at);
            *newest = (*newest).max(row.erased_at);
        }
        let gone = |id: &Uuid| ring.is_erased(*id, owners[id]);
        let unused: Vec<Uuid> = missing.into_iter().filter(gone).collect();
        if !unused.is_empty() {
            person_key::destroy(conn, &unused).await?;
        }
        for row in rows {
            if !ring.is_erased(row.owner_id, owners[&row.owner_id]) {
                ring.keys.insert(row.owner_id, masters.unwrap(&row)?);
            }
        }
        Ok(ring)
    }

    /// Whether a person was erased after something was received.
    pub(crate) fn is_erased(&self, person: Uuid, received_at: Timestamp) -> bool {
        let erased = self.erased.get(&person);
        erased.is_some_and(|erased_at| received_at <= *erased_at)
    }

    /// An owner's key; none where it is erased.
    pub(crate) fn of(&self, owner: Uuid) -> Option<&PersonKey> {
        self.keys.get(&owner)
    }
}
