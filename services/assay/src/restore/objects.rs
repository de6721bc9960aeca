//! Owns putting the objects back: each held against the backup's list on its way.

use std::path::Path;

use anyhow::{Context as _, bail};
use contract::digest::Digest;
use futures::stream::{self, StreamExt as _};
use objects::copy::Lying;
use serde_json::{Value, json};

use crate::backup::check::Shelves;
use crate::backup::list;
use crate::backup::place::Whole;
use crate::backup::progress::{self, Progress};
use crate::restore::target::Target;

/// Objects that are put back at a time: each waits for the disk.
const AT_ONCE: usize = 16;
/// Where records of erasures lie, those of later backups of the same folder among them.
pub(super) const ERASURES: &str = "erasures/";

/// Puts back what the backup lists, and every record of an erasure beside it.
pub(super) async fn put_back(target: &Target, backup: &Whole) -> anyhow::Result<Value> {
    let mut progress = Progress::begin("the objects");
    let shelves = Shelves::open(backup)?;
    let list = backup.file(&backup.manifest.list)?;
    let listed = list::read(&list)?;
    let putting = stream::iter(listed).map(async |object| put(target, &shelves, object?).await);
    let mut putting = putting.buffer_unordered(AT_ONCE).boxed();
    let (mut objects, mut bytes) = (0_u64, 0);
    while let Some(put) = putting.next().await {
        bytes += put?;
        objects += 1;
        progress.tell(|| format!("{objects} of {}", backup.manifest.objects));
    }
    drop(putting);
    let later = later_erasures(target, &shelves).await?;
    progress.end(&format!("{objects} of {}", progress::bytes(bytes)));
    Ok(json!({ "objects": objects, "bytes": bytes, "erasure_records": later }))
}

async fn put(target: &Target, shelves: &Shelves, object: Lying) -> anyhow::Result<u64> {
    let bytes = shelves.of(&object.key).bytes_at(&object.key).await?;
    if Digest::of(&bytes) != object.digest {
        bail!("{} went bad in the backup since it was checked", object.key);
    }
    // What is there is kept: content is the same under its name, and what changes is newer.
    target.objects.put_at_if_absent(&object.key, bytes).await?;
    Ok(object.bytes)
}

/// Later backups share the shelf: what they know of erasures this one is told.
async fn later_erasures(target: &Target, shelves: &Shelves) -> anyhow::Result<u64> {
    let shared = shelves.of(ERASURES);
    let keys = shared.keys().filter(|key| {
        let wanted = key.as_ref().map_or(true, |key| key.starts_with(ERASURES));
        std::future::ready(wanted)
    });
    let mut copied = shared.copy_to(&target.objects, keys.boxed());
    let mut records = 0;
    while let Some(one) = copied.next().await {
        one?;
        records += 1;
    }
    Ok(records)
}

/// Reads a file that must be there.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("read {}", path.display()))
}
