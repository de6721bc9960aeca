//! Owns `assay backup check`: a backup read whole, and held against its manifest.

use std::path::Path;

use contract::time::to_text;
use objects::copy::Lying;
use objects::store::{Objects, ObjectsError};
use process::exit;
use tlog::checkpoint;
use tlog::key::VerifyingKey;

use crate::backup::list;
use crate::backup::objects::{LIST, PUBLISHED, is_changing};
use crate::backup::place::Whole;
use crate::backup::progress::{self, Progress};
use crate::say::say;

/// Bad objects that are named.
const NAMED_MAX: usize = 20;

pub(super) async fn check(folder: &Path) -> anyhow::Result<u8> {
    let (whole, torn) = Whole::find(folder)?;
    let bad = of(&whole).await?;
    say!("{}", whole.folder.display());
    say!(
        "  the ledger as it was at {}",
        to_text(whole.manifest.made_at)
    );
    for one in bad.iter().take(NAMED_MAX) {
        say!("  BAD {one}");
    }
    for one in &torn {
        say!(
            "  TORN {}: it was not finished, and is newer",
            one.display()
        );
    }
    if bad.is_empty() {
        say!(
            "  good: {} rows, {} objects of {}",
            whole.manifest.rows.values().sum::<i64>(),
            whole.manifest.objects,
            progress::bytes(whole.manifest.objects_bytes)
        );
    } else {
        say!("  {} things are not as its manifest says", bad.len());
    }
    Ok(match bad.is_empty() && torn.is_empty() {
        true => exit::OK,
        false => exit::FAILED,
    })
}

/// Everything of a backup that is not as its manifest says.
pub(crate) async fn of(whole: &Whole) -> anyhow::Result<Vec<String>> {
    let manifest = &whole.manifest;
    let mut bad = Vec::new();
    for file in [&manifest.ledger, &manifest.settings, &manifest.list] {
        if let Err(error) = whole.file(file) {
            bad.push(format!("{error:#}"));
        }
    }
    bad.extend(checkpoint_is_bad(whole));
    let list = whole.folder.join(LIST);
    if !list.exists() {
        return Ok(bad);
    }
    let mut progress = Progress::begin("reading the objects");
    let shelves = Shelves::open(whole)?;
    let (mut objects, mut bytes) = (0, 0);
    for object in list::read(&list)? {
        let object = object?;
        objects += 1;
        bytes += object.bytes;
        if let Err(reason) = shelves.good(&object).await? {
            bad.push(reason);
        }
        progress.tell(|| format!("{objects} of {}", manifest.objects));
    }
    progress.end(&format!("{objects} of {}", progress::bytes(bytes)));
    if (objects, bytes) != (manifest.objects, manifest.objects_bytes) {
        bad.push("the list does not have what the manifest counts".to_owned());
    }
    Ok(bad)
}

/// Where the objects of a backup lie.
pub(crate) struct Shelves {
    shared: Objects,
    published: Objects,
}

impl Shelves {
    pub(crate) fn open(whole: &Whole) -> anyhow::Result<Self> {
        Ok(Self {
            shared: Objects::open_folder(&whole.shelf.objects())?,
            published: Objects::open_folder(&whole.folder.join(PUBLISHED))?,
        })
    }

    /// The objects among which a key is to be found.
    pub(crate) fn of(&self, key: &str) -> &Objects {
        match is_changing(key) {
            true => &self.published,
            false => &self.shared,
        }
    }

    /// Whether an object lies there as it was listed, or why not.
    async fn good(&self, object: &Lying) -> anyhow::Result<Result<(), String>> {
        let bytes = match self.of(&object.key).bytes_at(&object.key).await {
            Ok(bytes) => bytes,
            Err(ObjectsError::Missing { .. }) => {
                return Ok(Err(format!("{} is missing", object.key)));
            }
            Err(error) => return Err(error.into()),
        };
        let found = contract::digest::Digest::of(&bytes);
        Ok(match found == object.digest {
            true => Ok(()),
            false => Err(format!("{} is corrupt", object.key)),
        })
    }
}

/// Why the checkpoint in the manifest is not one of its log, by the key beside it.
fn checkpoint_is_bad(whole: &Whole) -> Option<String> {
    let log = &whole.manifest.log;
    let (note, verifier) = (log.checkpoint.as_ref()?, log.verifier.as_ref()?);
    let origin = note.lines().next().unwrap_or_default();
    let judged = verifier
        .parse::<VerifyingKey>()
        .and_then(|key| key.renamed(origin))
        .map_err(|error| error.to_string())
        .and_then(|key| checkpoint::open(note, &key).map_err(|error| error.to_string()));
    judged
        .err()
        .map(|reason| format!("its last checkpoint: {reason}"))
}
