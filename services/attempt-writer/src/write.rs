//! Owns the transaction: receipts, and in the same transaction everything that follows from them.

use std::collections::{HashMap, HashSet};

use contract::job::SnapshotRequested;
use contract::time::{Timestamp, now};
use contract::unchecked::UncheckedRequested;
use store::audit_entry;
use store::delivery::{self, ConflictRow, DeliveryRow, ReceiptRow};
use store::error::StoreError;
use store::push::{self, PushRow};
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use uuid::Uuid;

use crate::audit::{self, Brought};
use crate::keyring::Keyring;
use crate::plan::{self, People, Standing, sorted};
use crate::pseudonym::Pseudonyms;
use crate::seal::MasterKeys;
use crate::taken::Taken;
use crate::{asked, bodies, numbers, open, people};

/// What became of one delivery.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) standing: Standing,
    /// What follows: to be published after the commit, however often the delivery is recorded.
    pub(crate) jobs: Vec<SnapshotRequested>,
    /// The same for labs that have nothing run: there is nothing to preserve.
    pub(crate) unchecked: Vec<UncheckedRequested>,
    /// Whether a session took the push.
    pub(crate) matched: bool,
    /// Whether this delivery opened a session, now or when it was recorded before.
    pub(crate) opened: bool,
}

/// A push in the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) id: Uuid,
    /// Whether it was not there before: then nothing is of it but what this transaction writes.
    pub(crate) is_new: bool,
}

/// Records deliveries, and gives back what became of each, in their order.
pub(crate) async fn record(
    conn: &mut LedgerConnection,
    takens: &[Taken],
    pseudonyms: &Pseudonyms,
    masters: &MasterKeys,
) -> Result<Vec<Recorded>, StoreError> {
    let now = now();
    let people_of = |taken: &Taken| -> Vec<People> {
        let pushed = taken.pushed.iter();
        pushed
            .map(|pushed| plan::people(pushed, pseudonyms, now))
            .collect()
    };
    let people: Vec<Vec<People>> = takens.iter().map(people_of).collect();
    numbers::take(conn, takens, now).await?;
    let (standings, mut brought) = receipts(conn, takens, now).await?;
    let keys = persons(conn, takens, &people, masters, &mut brought, now).await?;
    bodies::keep(conn, takens, &standings, &people, &keys, now).await?;
    let pushes = pushes(conn, takens, &standings, &people, &mut brought, now).await?;
    let sessions = open::sessions_of(conn, takens, now).await?;
    let wanted = asked::wanted(takens, &people, &pushes, &sessions, now);
    let wanted = asked::attempts(conn, wanted, &mut brought, now).await?;
    let asked = asked::requests(conn, &wanted, takens, &mut brought, now).await?;
    let (mut new, mut others) = (Vec::new(), Vec::new());
    for ((taken, &standing), rows) in takens.iter().zip(&standings).zip(brought) {
        let entries = match standing {
            Standing::First => &mut new,
            Standing::Again | Standing::Repeat | Standing::Conflict => &mut others,
        };
        entries.extend(audit::of_delivery(taken, standing, rows, now));
    }
    audit_entry::append_new(conn, &new).await?;
    audit_entry::append(conn, &others).await?;
    Ok(asked::recorded(takens, &standings, &wanted, &asked))
}

/// Receipts, deliveries and conflicts.
async fn receipts(
    conn: &mut LedgerConnection,
    takens: &[Taken],
    now: Timestamp,
) -> Result<(Vec<Standing>, Vec<Brought>), StoreError> {
    let rows = sorted(
        takens.iter().map(|taken| plan::receipt(taken, now)),
        |row| row.delivery_id,
    );
    let ids: Vec<Uuid> = rows.iter().map(|row| row.delivery_id).collect();
    let before = delivery::receipts_of(conn, &ids).await?.into_iter();
    let mut known: HashMap<Uuid, ReceiptRow> = before.map(|row| (row.delivery_id, row)).collect();
    let is_new = |row: &ReceiptRow| !known.contains_key(&row.delivery_id);
    let rows: Vec<ReceiptRow> = rows.into_iter().filter(is_new).collect();
    ReceiptRow::insert_new(conn, &rows).await?;
    let new: HashSet<Uuid> = rows.iter().map(|row| row.delivery_id).collect();
    known.extend(rows.into_iter().map(|row| (row.delivery_id, row)));
    let (mut standings, mut brought) = (Vec::new(), Vec::new());
    let (mut deliveries, mut conflicts) = (Vec::new(), Vec::new());
    for taken in takens {
        let receipt = &known[&taken.received.delivery.as_uuid()];
        let standing = plan::standing(taken, receipt, new.contains(&receipt.delivery_id));
        let mut rows = Brought::default();
        match standing {
            Standing::First => {
                let delivery = plan::delivery(taken, now);
                rows.rows.extend([receipt.covered(), delivery.covered()]);
                deliveries.push(delivery);
            }
            Standing::Conflict => conflicts.push(plan::conflict(taken, receipt, now)),
            Standing::Again | Standing::Repeat => {}
        }
        standings.push(standing);
        brought.push(rows);
    }
    let deliveries = sorted(deliveries, |row| row.id);
    DeliveryRow::insert_new(conn, &deliveries).await?;
    let conflicts = sorted(conflicts, |row| (row.delivery_id, row.body_digest.clone()));
    let new = ConflictRow::insert(conn, &conflicts).await?;
    for row in conflicts.iter().filter(|row| new.contains(&row.id)) {
        let of = |taken: &Taken| {
            taken.received.delivery.as_uuid() == row.delivery_id
                && taken.received.body_digest.to_string() == row.body_digest
        };
        if let Some(place) = takens.iter().position(of) {
            brought[place].rows.push(row.covered());
        }
    }
    Ok((standings, brought))
}

/// The people that pushes name, and the keys that seal what they are. A new one is brought by the
/// first delivery that names it.
async fn persons(
    conn: &mut LedgerConnection,
    takens: &[Taken],
    people: &[Vec<People>],
    masters: &MasterKeys,
    brought: &mut [Brought],
    now: Timestamp,
) -> Result<Keyring, StoreError> {
    let mut all = Vec::new();
    for (taken, people) in takens.iter().zip(people) {
        let named = people.iter().flat_map(People::all);
        all.extend(named.map(|pseudonym| (pseudonym, taken.received.received_at)));
    }
    let others = bodies::sources(takens, people);
    let inserted = people::insert(conn, &all, others, masters, now).await?;
    for row in inserted.new {
        let names = |people: &Vec<People>| {
            let mut all = people.iter().flat_map(People::all);
            all.any(|pseudonym| pseudonym.principal.id == row.id)
        };
        if let Some(place) = people.iter().position(names) {
            brought[place].rows.push(row.covered());
        }
    }
    Ok(inserted.keys)
}

/// The pushes of each delivery, inserted or found.
async fn pushes(
    conn: &mut LedgerConnection,
    takens: &[Taken],
    standings: &[Standing],
    people: &[Vec<People>],
    brought: &mut [Brought],
    now: Timestamp,
) -> Result<Vec<Vec<Placed>>, StoreError> {
    type Key = (Uuid, String, String);
    let key = |row: &PushRow| -> Key {
        (
            row.delivery_id,
            row.body_digest.clone(),
            row.ref_name.clone(),
        )
    };
    let rows: Vec<Vec<PushRow>> = takens
        .iter()
        .zip(people)
        .map(|(taken, people)| {
            let both = taken.pushed.iter().zip(people);
            both.map(|(pushed, people)| plan::push(taken, pushed, people, now))
                .collect()
        })
        .collect();
    // A delivery that was not there has no pushes.
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for (rows, standing) in rows.iter().zip(standings) {
        match standing {
            Standing::First => first.extend(rows),
            Standing::Again | Standing::Repeat | Standing::Conflict => others.extend(rows),
        }
    }
    let first = sorted(first, |row| key(row));
    PushRow::insert_new(conn, &first).await?;
    let others = sorted(others.into_iter().cloned(), key);
    let mut new = PushRow::insert(conn, &others).await?;
    new.extend(first.iter().map(|row| row.id));
    let before = others.iter().filter(|row| !new.contains(&row.id));
    let deliveries: Vec<Uuid> = before.map(|row| row.delivery_id).collect();
    let before = push::of_deliveries(conn, &deliveries).await?;
    let written = first.into_iter().chain(&others);
    let written = written.filter(|row| new.contains(&row.id));
    let known: HashMap<Key, Uuid> = written
        .chain(&before)
        .map(|row| (key(row), row.id))
        .collect();
    for (row, brought) in rows.iter().zip(brought) {
        let new = row.iter().filter(|row| new.contains(&row.id));
        brought.rows.extend(new.map(LedgerRow::covered));
    }
    let pushes = rows
        .iter()
        .map(|rows| {
            let ids = rows.iter().map(|row| known[&key(row)]);
            ids.map(|id| Placed {
                id,
                is_new: new.contains(&id),
            })
            .collect()
        })
        .collect();
    Ok(pushes)
}
