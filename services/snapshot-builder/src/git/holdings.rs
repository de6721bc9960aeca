//! Owns what a cache holds: how many packs, objects and bytes, read from git's own indexes.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::atomic::Ordering;

use contract::name::CommitSha;

use crate::git::cache::Cache;
use git::error::GitError;

/// Packs that a cache may gather: git looks into each of them. Nothing else ever joins them.
const PACKS_MAX: usize = 256;
/// How a pack's index begins: its second version.
const INDEX_BEGIN: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];
/// Where the last of its 256 counts is, which is that of all objects.
const INDEX_COUNT_AT: u64 = 8 + 255 * 4;

/// What a cache holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Holdings {
    /// Packs.
    pub packs: usize,
    /// Objects in them.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
}

impl Cache {
    /// Sees to it, after a fetch, that the cache holds no more than a repository may bring. What
    /// has gathered over many fetches is thrown away, and the commit fetched anew.
    ///
    /// # Errors
    /// [`GitError::Refused`] if the commit's own history is too much; [`GitError::Machine`].
    pub(crate) async fn bound(&self, commit: &CommitSha) -> Result<(), GitError> {
        let limits = self.limits();
        let held = self.holdings().await?;
        let gathered = held.packs > PACKS_MAX || held.bytes > limits.git.file_bytes_max;
        let held = if held.packs > 1 && (gathered || held.objects > limits.objects_max) {
            self.renew().await?;
            self.fetch(commit).await.map_err(GitError::or_unavailable)?;
            self.holdings().await?
        } else {
            held
        };
        self.packs().store(held.packs, Ordering::Relaxed);
        if held.objects <= limits.objects_max {
            return Ok(());
        }
        self.renew().await?;
        let (objects, max) = (held.objects, limits.objects_max);
        let detail = format!("the repository has {objects} objects, more than {max}");
        Err(GitError::Refused { detail })
    }

    /// What the cache holds.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub async fn holdings(&self) -> Result<Holdings, GitError> {
        let folder = self.repository().join("objects/pack");
        let counting = tokio::task::spawn_blocking(move || count(&folder));
        let counted = counting.await.map_err(io::Error::other).flatten();
        counted.map_err(GitError::machine("look into a cache"))
    }
}

fn count(folder: &Path) -> io::Result<Holdings> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Holdings::default()),
        entries => entries?,
    };
    let mut held = Holdings::default();
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("pack") => {
                held.packs += 1;
                held.bytes += entry.metadata()?.len();
            }
            Some("idx") => held.objects += objects(&path)?,
            _ => {}
        }
    }
    Ok(held)
}

/// How many objects a pack's index names; none where it is no index, which git will say itself.
fn objects(index: &Path) -> io::Result<u64> {
    let mut file = File::open(index)?;
    let (mut begin, mut count) = ([0; 8], [0; 4]);
    let read = file
        .read_exact(&mut begin)
        .and_then(|()| file.seek(SeekFrom::Start(INDEX_COUNT_AT)))
        .and_then(|_| file.read_exact(&mut count));
    match read {
        Ok(()) if begin == INDEX_BEGIN => Ok(u32::from_be_bytes(count).into()),
        Ok(()) => Ok(0),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
        Err(error) => Err(error),
    }
}
