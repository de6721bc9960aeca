//! Owns the sweep of a session's objects: what was removed goes, and whatever nothing names that is
//! recorded. Must never begin while somebody records what they have put.

use std::collections::HashSet;

use contract::digest::Digest;
use contract::ids::SessionId;
use objects::manifest::{MANIFEST_BYTES_MAX, Manifest};
use objects::owner::Owner;
use objects::store::{Objects, ObjectsError};
use store::pool::Store;
use store::removal::{self, Holding, SNAPSHOT};
use store::work_sweep::{self, Sweeping};

use crate::remove::RemoveError;

/// Sessions that are swept at one time.
const SWEEPS_MAX: i64 = 1_000;

/// Removes of a session's objects what was removed and what nothing needs that is recorded. Says
/// whether it could: while somebody records, it cannot.
pub(crate) async fn sweep(
    store: &Store,
    objects: &Objects,
    session: SessionId,
) -> Result<bool, RemoveError> {
    let Some(mut sweeping) = Sweeping::begin(store, session).await? else {
        return Ok(false);
    };
    let holdings = removal::holdings(sweeping.connection(), session.as_uuid()).await?;
    let owner = Owner::Session(session);
    let needed = needed(objects, owner, &holdings).await?;
    let there = objects.digests(owner).await?;
    let mut going: Vec<Digest> = match &needed {
        Needed::All(staying) => difference(&there, staying),
        Needed::AtLeast(staying) => {
            let removed = removed(objects, owner, &holdings).await?;
            let there: Vec<_> = there.into_iter().filter(|d| removed.contains(d)).collect();
            difference(&there, staying)
        }
    };
    if !going.is_empty() {
        sweeping.count().await?;
    }
    // A manifest goes after what it names: else a crash would leave that without a name.
    let named: HashSet<&str> = holdings.iter().map(|one| one.digest.as_str()).collect();
    going.sort_by_key(|digest| named.contains(digest.to_string().as_str()));
    for digest in going {
        objects.remove(owner, digest).await?;
    }
    sweeping.end().await?;
    Ok(true)
}

fn difference(there: &[Digest], staying: &HashSet<Digest>) -> Vec<Digest> {
    let going = there.iter().filter(|digest| !staying.contains(digest));
    going.copied().collect()
}

/// What a session needs of its objects.
enum Needed {
    /// This, and nothing else.
    All(HashSet<Digest>),
    /// This, and what the manifests name that do not read.
    AtLeast(HashSet<Digest>),
}

async fn needed(
    objects: &Objects,
    owner: Owner,
    holdings: &[Holding],
) -> Result<Needed, ObjectsError> {
    let (mut staying, mut is_all) = (HashSet::new(), true);
    for (holding, digest) in digests(holdings, |holding| !holding.removed) {
        staying.insert(digest);
        if holding.kind == SNAPSHOT {
            match blobs(objects, owner, digest).await? {
                Some(blobs) => staying.extend(blobs),
                None => is_all = false,
            }
        }
    }
    Ok(if is_all {
        Needed::All(staying)
    } else {
        Needed::AtLeast(staying)
    })
}

/// What was removed, as far as it still has names.
async fn removed(
    objects: &Objects,
    owner: Owner,
    holdings: &[Holding],
) -> Result<HashSet<Digest>, ObjectsError> {
    let mut removed = HashSet::new();
    for (holding, digest) in digests(holdings, |holding| holding.removed) {
        removed.insert(digest);
        if holding.kind == SNAPSHOT {
            removed.extend(blobs(objects, owner, digest).await?.unwrap_or_default());
        }
    }
    Ok(removed)
}

fn digests(
    holdings: &[Holding],
    which: impl Fn(&Holding) -> bool,
) -> impl Iterator<Item = (&Holding, Digest)> {
    let holdings = holdings.iter().filter(move |holding| which(holding));
    holdings.filter_map(|holding| Some((holding, holding.digest.parse().ok()?)))
}

/// The blobs that a snapshot names; `None` where its manifest is gone or does not read.
async fn blobs(
    objects: &Objects,
    owner: Owner,
    manifest: Digest,
) -> Result<Option<Vec<Digest>>, ObjectsError> {
    let bytes = match objects.get(owner, manifest, MANIFEST_BYTES_MAX).await {
        Ok(bytes) => bytes,
        Err(error) if error.is_transient() => return Err(error),
        Err(_) => return Ok(None),
    };
    let manifest = Manifest::parse(&bytes).ok();
    let blobs = |manifest: Manifest| manifest.blobs().map(|(_, blob)| blob.digest).collect();
    Ok(manifest.map(blobs))
}

/// Sweeps the sessions of which something is to go; what cannot be swept now is left for later.
pub(crate) async fn sweep_due(store: &Store, objects: &Objects) -> Result<(), RemoveError> {
    let sessions = {
        let mut conn = store.connection().await?;
        work_sweep::due(&mut conn, SWEEPS_MAX).await?
    };
    for session in sessions {
        sweep(store, objects, session).await?;
    }
    Ok(())
}
