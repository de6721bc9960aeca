//! Owns keeping raw bodies: sealed by whoever pushed them, with whom each names, and large ones as
//! sealed objects in the place of those that came.

use std::collections::BTreeMap;
use std::sync::Arc;

use bus::consume::Outcome;
use contract::delivery::BodyPlace;
use contract::time::Timestamp;
use store::delivery_body::{self, BodyRow, NamedRow};
use store::error::StoreError;
use store::person_key;
use store::transaction::LedgerConnection;
use uuid::Uuid;

use crate::deliveries::Deliveries;
use crate::keyring::{Keyring, of_source};
use crate::person::BodyHeaders;
use crate::person::{body_name, name_of, open_frame, open_headers, seal_frame, seal_headers};
use crate::plan::{People, Standing, sorted};
use crate::seal::MasterKeys;
use crate::taken::{FRAME_BYTES_MAX, Taken};

/// What the cipher adds to a frame, in bytes, and more.
const SEAL_BYTES_MAX: u64 = 1_024;

/// Whose key seals a delivery's body: whoever pushed; else the head's author; else the source, for
/// it names nobody.
pub(crate) fn owner(taken: &Taken, people: &[People]) -> Uuid {
    let pusher = people.iter().find_map(|people| people.pusher.as_ref());
    let of_head = || {
        let mut both = taken.pushed.iter().zip(people);
        let author = both.find_map(|(pushed, people)| people.authors.get(pushed.push.head()?));
        author.map(Arc::as_ref)
    };
    let anybody = || {
        let authors = people
            .iter()
            .find_map(|people| people.authors.values().next());
        authors.map(Arc::as_ref)
    };
    let person = pusher.or_else(of_head).or_else(anybody);
    person.map_or_else(
        || of_source(&taken.received.source),
        |person| person.principal.id,
    )
}

/// The sources whose keys are needed, since nobody is named.
pub(crate) fn sources(takens: &[Taken], people: &[Vec<People>]) -> BTreeMap<Uuid, Timestamp> {
    let both = takens.iter().zip(people);
    let nameless = both.filter(|(_, people)| people.iter().all(|p| p.all().next().is_none()));
    nameless
        .map(|(taken, people)| (owner(taken, people), taken.received.received_at))
        .collect()
}

/// Keeps the bodies that came with the deliveries. What names somebody who is erased is not kept.
pub(crate) async fn keep(
    conn: &mut LedgerConnection,
    takens: &[Taken],
    standings: &[Standing],
    people: &[Vec<People>],
    keys: &Keyring,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (mut first, mut others) = (Kept::default(), Kept::default());
    // What the ledger has already is not written again.
    let all = takens.iter().zip(standings).zip(people);
    let came = all.filter(|((taken, _), _)| taken.received.body != BodyPlace::Ledger);
    for ((taken, standing), people) in came {
        // A delivery that was not there has no bodies.
        let kept = match standing {
            Standing::First => &mut first,
            Standing::Again | Standing::Repeat | Standing::Conflict => &mut others,
        };
        let received_at = taken.received.received_at;
        let everybody = || people.iter().flat_map(People::all);
        let is_erased = everybody().any(|p| keys.is_erased(p.principal.id, received_at));
        let owner_id = owner(taken, people);
        let Some(key) = keys.of(owner_id).filter(|_| !is_erased) else {
            continue;
        };
        let delivery_id = taken.received.delivery.as_uuid();
        let body_digest = taken.received.body_digest.to_string();
        let row = body_name(delivery_id, &body_digest);
        let frame = taken.frame.as_ref();
        kept.named.extend(everybody().map(|person| NamedRow {
            principal_id: person.principal.id,
            delivery_id,
            body_digest: body_digest.clone(),
        }));
        kept.bodies.push(BodyRow {
            delivery_id,
            body_digest,
            owner_id,
            sealed_body: frame.map(|frame| seal_frame(&row, frame, key)),
            sealed_headers: seal_headers(&row, &taken.received.headers, key),
            recorded_at: now,
        });
    }
    let (first, others) = (first.sorted(), others.sorted());
    BodyRow::insert_new(conn, &first.bodies).await?;
    BodyRow::insert(conn, &others.bodies).await?;
    NamedRow::insert_new(conn, &first.named).await?;
    NamedRow::insert(conn, &others.named).await?;
    Ok(())
}

/// Bodies, and whom they name.
#[derive(Default)]
struct Kept {
    bodies: Vec<BodyRow>,
    named: Vec<NamedRow>,
}

impl Kept {
    fn sorted(self) -> Self {
        let body = |row: &BodyRow| (row.delivery_id, row.body_digest.clone());
        let named = |row: &NamedRow| (row.principal_id, row.delivery_id, row.body_digest.clone());
        Self {
            bodies: sorted(self.bodies, body),
            named: sorted(self.named, named),
        }
    }
}

/// The frame of a body that the ledger keeps; `None` where nothing is kept.
pub(crate) async fn frame(
    desk: &Deliveries,
    row: Option<BodyRow>,
) -> Result<Option<Vec<u8>>, Outcome> {
    let refused = |error: StoreError| desk.ground.ledger_refused(&error);
    let Some(row) = row else { return Ok(None) };
    let key = async {
        let mut conn = desk.ground.store.connection().await?;
        person_key::find(&mut conn, &[row.owner_id]).await
    };
    let key = key.await.map_err(refused)?;
    let Some(key) = key.first() else {
        return Ok(None);
    };
    let key = desk
        .masters
        .unwrap(key)
        .map_err(|error| refused(error.into()))?;
    let sealed = match row.sealed_body {
        Some(ref sealed) => sealed.clone(),
        None => {
            let digest = row.body_digest.parse();
            let digest = digest.map_err(|_| Outcome::Never("a body has no digest".to_owned()))?;
            let delivery = contract::ids::DeliveryId::from_uuid(row.delivery_id);
            let found =
                desk.objects
                    .get_sealed_body(delivery, digest, FRAME_BYTES_MAX + SEAL_BYTES_MAX);
            found
                .await
                .map_err(|error| desk.objects_refused(&error))?
                .to_vec()
        }
    };
    let frame = open_frame(&name_of(&row), &sealed, &key);
    frame.map(Some).map_err(|error| refused(error.into()))
}

/// The headers of bodies that the ledger keeps, in their order; `None` where the key is gone.
pub(crate) async fn headers<'a>(
    conn: &mut LedgerConnection,
    masters: &MasterKeys,
    rows: impl Iterator<Item = (Uuid, String, &'a [u8])>,
) -> Result<Vec<Option<BodyHeaders>>, StoreError> {
    let rows: Vec<_> = rows.collect();
    let owners: Vec<Uuid> = rows.iter().map(|(owner, ..)| *owner).collect();
    let keys = person_key::find(conn, &owners).await?;
    let mut opened = Vec::with_capacity(rows.len());
    for (owner, row, sealed) in rows {
        let key = keys.iter().find(|key| key.owner_id == owner);
        let headers = match key {
            Some(key) => Some(open_headers(&row, sealed, &masters.unwrap(key)?)?),
            None => None,
        };
        opened.push(headers);
    }
    Ok(opened)
}

/// Puts a sealed object in the place of the one that a large body came as. Runs again when the
/// message comes again, because a crash may have come in between.
pub(crate) async fn settle_object(desk: &Deliveries, taken: &Taken) -> Result<(), Outcome> {
    if taken.received.body != BodyPlace::Object {
        return Ok(());
    }
    let (delivery, digest) = (taken.received.delivery, taken.received.body_digest);
    let refused = |error: StoreError| desk.ground.ledger_refused(&error);
    let found = async {
        let mut conn = desk.ground.store.connection().await?;
        let row = delivery_body::find(&mut conn, delivery, &digest.to_string()).await?;
        let owner = row.as_ref().map(|row| row.owner_id);
        let keys = person_key::find(&mut conn, owner.as_slice()).await?;
        Ok(row.zip(keys.into_iter().next()))
    };
    if let Some((row, key)) = found.await.map_err(refused)? {
        let key = desk
            .masters
            .unwrap(&key)
            .map_err(|error| refused(error.into()))?;
        let came = desk
            .objects
            .get_delivery_body(digest, FRAME_BYTES_MAX)
            .await;
        match came {
            Ok(frame) => {
                let sealed = seal_frame(&name_of(&row), &frame, &key).into();
                let put = desk.objects.put_sealed_body(delivery, digest, sealed).await;
                put.map_err(|error| desk.objects_refused(&error))?;
            }
            // It was settled before.
            Err(objects::store::ObjectsError::Missing { .. }) => {}
            Err(error) => return Err(desk.objects_refused(&error)),
        }
    }
    // Another delivery with the same body, still in its queue, finds it where this one put it.
    let removed = desk.objects.remove_delivery_body(digest).await;
    removed.map_err(|error| desk.objects_refused(&error))
}
