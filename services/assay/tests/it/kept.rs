//! Owns a site that is backed up: its backups, what is lost of it, and what is refused.

use std::fs;
use std::path::PathBuf;

use testkit::house::House;
use testkit::program::Said;

use crate::site::Site;

/// A backup of a site, and the keys to it.
pub(crate) struct Kept {
    pub(crate) shelf: PathBuf,
    pub(crate) keys: PathBuf,
}

impl Kept {
    /// Backs a site up, into folders beside what it is made of.
    pub(crate) async fn of(site: &Site) -> Self {
        let kept = Self {
            shelf: site.folder().join("backups"),
            keys: site.folder().join("backup-keys"),
        };
        kept.again(site).await;
        kept
    }

    /// Makes another backup in the same place; gives its folder.
    pub(crate) async fn again(&self, site: &Site) -> PathBuf {
        let (shelf, keys) = (self.shelf.to_str().unwrap(), self.keys.to_str().unwrap());
        let said = site
            .assay_ok(&["backup", "--to", shelf, "--keys-to", keys])
            .await;
        PathBuf::from(said.lines().next().unwrap())
    }

    /// The backups, the oldest first.
    pub(crate) fn all(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.shelf).unwrap();
        let folders = entries.map(|entry| entry.unwrap().path());
        let mut found: Vec<_> = folders
            .filter(|path| path.join("ledger.dump").exists())
            .collect();
        found.sort();
        found
    }

    /// Restores into the site's servers.
    pub(crate) async fn restore(&self, site: &Site, more: &[&str]) -> Said {
        let shelf = self.shelf.to_str().unwrap();
        site.assay(&[&["restore", "--from", shelf], more].concat())
            .await
    }
}

/// Everything but what lies on the broker is gone.
pub(crate) async fn lose_all(site: &Site) {
    site.house.lose_database().await;
    fs::remove_dir_all(site.folder().join("objects")).unwrap();
}

/// A command that must be refused, with these words.
pub(crate) async fn refused(said: Said, words: &[&str]) {
    assert_ne!(said.code, Some(0), "{said:?}");
    for word in words {
        assert!(said.err.contains(word), "{word}: {said:?}");
    }
}

/// A site whose services never run, with a ledger that has nothing in it.
pub(crate) async fn silent() -> Site {
    let site = Site::furnish(House::start().await, "").await;
    fs::create_dir_all(site.folder().join("objects")).unwrap();
    site
}
