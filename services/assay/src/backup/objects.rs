//! Owns the objects of a backup: copied put-if-absent into the shelf that all backups of a folder
//! share, and listed. What changes by its nature each backup has for itself.

use std::collections::BTreeSet;
use std::path::Path;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use objects::copy::{Copied, Lying};
use objects::store::{Objects, ObjectsError};
use process::settings::Settings;

use crate::backup::list::ListWriter;
use crate::backup::place::Shelf;
use crate::backup::progress::{self, Progress};

/// The list's file.
pub(crate) const LIST: &str = "objects.list";
/// What is published of the log and changes, as it was: each backup has its own.
pub(crate) const PUBLISHED: &str = "published";
/// Where the log's files lie.
const LOG: &str = "log/";
/// How often the log's files are gone through when parts of it were replaced meanwhile.
const LOG_PASSES_MAX: usize = 3;

/// What became of the objects.
pub(crate) struct Objected {
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    pub(crate) new: u64,
    /// Keys of objects whose bytes are not those that they are named for.
    pub(crate) corrupt: Vec<String>,
}

/// Copying under way.
struct Copying {
    from: Objects,
    to: Objects,
    list: ListWriter,
    progress: Progress,
    new: u64,
    corrupt: Vec<String>,
    /// Files of the log that are listed already.
    listed: BTreeSet<String>,
}

/// Copies what the store has and the shelf has not, and lists what the store has.
pub(crate) async fn copy(
    settings: &Settings,
    shelf: &Shelf,
    folder: &Path,
) -> anyhow::Result<Objected> {
    let from = service::objects::open(settings)?;
    let mut copying = Copying {
        to: Objects::open_folder(&shelf.objects())?,
        list: ListWriter::create(&folder.join(LIST))?,
        progress: Progress::begin("the objects"),
        new: 0,
        corrupt: Vec::new(),
        listed: BTreeSet::new(),
        from,
    };
    // What changes goes first: all that a checkpoint covers was written before it.
    let published = Objects::open_folder(&folder.join(PUBLISHED))?;
    copying.changing(&published).await?;
    let mut replaced = copying.pass(|_| true).await?;
    // Where the end of the log was replaced by what is longer, that is new.
    for _ in 1..LOG_PASSES_MAX {
        if replaced == 0 {
            break;
        }
        replaced = copying.pass(|key| key.starts_with(LOG)).await?;
    }
    let (objects, bytes) = copying.list.finish()?;
    let new = copying.new;
    let text = format!("{objects} of {}, {new} of them new", progress::bytes(bytes));
    copying.progress.end(&text);
    Ok(Objected {
        objects,
        bytes,
        new,
        corrupt: copying.corrupt,
    })
}

impl Copying {
    async fn changing(&mut self, to: &Objects) -> anyhow::Result<()> {
        let from = self.from.clone();
        let mut copied = from.copy_to(to, only(&from, is_changing));
        while let Some(one) = copied.next().await {
            if let Copied::New(object) | Copied::There(object) = one? {
                self.list.add(&object)?;
            }
        }
        Ok(())
    }

    /// Copies and lists what lasts; gives how many files of the log were gone before they could be.
    async fn pass(&mut self, wanted: fn(&str) -> bool) -> anyhow::Result<usize> {
        let (from, to) = (self.from.clone(), self.to.clone());
        let keys = only(&from, move |key| wanted(key) && !is_changing(key));
        let mut copied = from.copy_to(&to, keys);
        let mut replaced = 0;
        while let Some(one) = copied.next().await {
            let object = match one? {
                Copied::New(object) => {
                    self.new += 1;
                    object
                }
                Copied::There(object) if is_sound(&object) => object,
                Copied::There(object) => write_anew(&from, &to, object).await?,
                // Erased since the listing, or a part of the log that its whole replaced.
                Copied::Gone(key) => {
                    replaced += usize::from(key.starts_with(LOG));
                    continue;
                }
            };
            self.add(object)?;
        }
        Ok(replaced)
    }

    fn add(&mut self, object: Lying) -> anyhow::Result<()> {
        if object.key.starts_with(LOG) && !self.listed.insert(object.key.clone()) {
            return Ok(());
        }
        self.list.add(&object)?;
        if !is_sound(&object) {
            self.corrupt.push(object.key);
        }
        let list = &self.list;
        self.progress
            .tell(|| format!("{} of {}", list.objects, progress::bytes(list.bytes)));
        Ok(())
    }
}

/// What is published and changes under its key: of the log, all but its tiles.
pub(crate) fn is_changing(key: &str) -> bool {
    key.starts_with(LOG) && !key.contains("/tile/")
}

/// Whether an object's bytes are those that its key names, where a key does.
pub(crate) fn is_sound(object: &Lying) -> bool {
    let named = object.key.starts_with("sessions/") || object.key.starts_with("labs/");
    !named || object.key.rsplit('/').next() == Some(object.digest.to_string().as_str())
}

/// An object that went bad on the shelf is written anew from its source.
async fn write_anew(from: &Objects, to: &Objects, there: Lying) -> anyhow::Result<Lying> {
    eprintln!("{} went bad in the backup and is written anew", there.key);
    let bytes = from.bytes_at(&there.key).await?;
    to.put_at(&there.key, bytes.clone()).await?;
    Ok(Lying {
        bytes: bytes.len() as u64,
        digest: contract::digest::Digest::of(&bytes),
        key: there.key,
    })
}

fn only<'a>(
    from: &Objects,
    wanted: impl Fn(&str) -> bool + Send + 'a,
) -> BoxStream<'a, Result<String, ObjectsError>> {
    let keys = from.keys();
    keys.filter(move |key| {
        let wanted = key.as_ref().map_or(true, |key| wanted(key));
        std::future::ready(wanted)
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use contract::digest::Digest;

    use super::*;

    #[test]
    fn a_key_says_whether_it_lasts_and_what_it_is_named_for() {
        assert!(is_changing("log/1/checkpoint"));
        for lasting in [
            "log/1/tile/0/x001/234",
            "log/2/tile/entries/000.p/5",
            "labs/a/b",
        ] {
            assert!(!is_changing(lasting), "{lasting}");
        }
        let digest = Digest::of(b"one");
        let of = |key: String| Lying {
            key,
            bytes: 3,
            digest,
        };
        assert!(is_sound(&of(format!("sessions/s/aa/{digest}"))));
        assert!(!is_sound(&of(format!("labs/l/aa/{}", Digest::of(b"two")))));
        assert!(is_sound(&of("log/1/checkpoint".to_owned())));
        assert!(is_sound(&of("bodies/aa/aabb".to_owned())));
    }
}
