//! Owns `assay backup prune`: old backups go, and what none of the kept ones names.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use objects::store::Objects;
use process::exit;

use crate::backup::list;
use crate::backup::objects::LIST;
use crate::backup::place::{MANIFEST, Shelf};
use crate::backup::progress::Progress;
use crate::say::say;

pub(super) async fn prune(folder: &Path, keep: usize) -> anyhow::Result<u8> {
    let shelf = Shelf::make(folder)?;
    let _held = shelf.hold()?;
    let (kept, old) = split(shelf.all()?, keep, |one| one.join(MANIFEST).exists());
    if kept.is_empty() {
        bail!(
            "there is no whole backup in {}: nothing is removed",
            shelf.folder.display()
        );
    }
    // Read first: a list that cannot be read must not cost its objects.
    let mut named = HashSet::new();
    for one in &kept {
        for object in list::read(&one.join(LIST))? {
            named.insert(object?.key);
        }
    }
    for one in &old {
        // Torn from here on, if this ends early.
        let _ = fs::remove_file(one.join(MANIFEST));
        fs::remove_dir_all(one).with_context(|| format!("remove {}", one.display()))?;
        say!("removed {}", one.display());
    }
    let mut progress = Progress::begin("objects that no backup names");
    let objects = Objects::open_folder(&shelf.objects())?;
    let (mut keys, mut removed) = (objects.keys(), 0);
    while let Some(key) = keys.next().await {
        let key = key?;
        if !named.contains(&key) {
            objects.remove_at(&key).await?;
            removed += 1;
        }
        progress.tell(|| format!("{removed} removed"));
    }
    progress.end(&format!("{removed} removed"));
    say!(
        "kept {} backups; {removed} objects that none of them names are removed",
        kept.len()
    );
    Ok(exit::OK)
}

/// The newest `keep` whole ones, and the rest. Nobody makes one now: what is torn stays torn.
fn split(
    newest_first: Vec<PathBuf>,
    keep: usize,
    is_whole: impl Fn(&Path) -> bool,
) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (mut kept, mut old) = (Vec::new(), Vec::new());
    for one in newest_first {
        if is_whole(&one) && kept.len() < keep {
            kept.push(one);
        } else {
            old.push(one);
        }
    }
    (kept, old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_ones_are_kept_and_torn_ones_go() {
        let all = ["5-torn", "4", "3-torn", "2", "1"]
            .map(PathBuf::from)
            .to_vec();
        let whole = |one: &Path| !one.display().to_string().contains("torn");
        let (kept, old) = split(all, 2, whole);
        assert_eq!(kept, ["4", "2"].map(PathBuf::from));
        assert_eq!(old, ["5-torn", "3-torn", "1"].map(PathBuf::from));
    }
}
