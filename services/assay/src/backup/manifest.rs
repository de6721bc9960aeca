//! Owns what a backup says of itself. No IO.

use std::collections::BTreeMap;

use contract::digest::Digest;
use contract::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The form of the backups that this program makes and reads.
pub(crate) const FORMAT: &str = "assay-backup/1";
/// What a backup never has, and what that means.
pub(crate) const WITHOUT: [&str; 3] = [
    "streams: what was accepted and not recorded yet is in NATS alone, as are dead letters' bytes",
    "spools: what an ingest process accepted while NATS was away is on its own disk",
    "git caches and scratch folders: they are made anew",
];

/// What a backup says of itself: the last file that is written of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// [`FORMAT`].
    pub(crate) format: String,
    pub(crate) id: Uuid,
    /// The moment that the dump shows; what was done later is not in it.
    pub(crate) made_at: Timestamp,
    /// The program that made it.
    pub(crate) assay: String,
    /// The server's `server_version_num`.
    pub(crate) postgres: i64,
    /// The major version of the `pg_dump` that made the dump.
    pub(crate) pg_dump: u32,
    /// The migrations that had run, oldest first.
    pub(crate) migrations: Vec<String>,
    /// The services' roles, which are the server's and in no dump.
    pub(crate) roles: Vec<String>,
    /// Rows of each table in the dump.
    pub(crate) rows: BTreeMap<String, i64>,
    pub(crate) ledger: FileOf,
    /// The list of the objects, and what they are together.
    pub(crate) list: FileOf,
    pub(crate) objects: u64,
    pub(crate) objects_bytes: u64,
    /// The settings, without secrets.
    pub(crate) settings: FileOf,
    pub(crate) log: LogOf,
    pub(crate) keys: KeysOf,
    /// What is not in it.
    pub(crate) without: Vec<String>,
}

/// A file of the backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct FileOf {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: Digest,
}

/// The log when the backup was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct LogOf {
    /// Its own name.
    pub(crate) origin: String,
    /// The key that checks it, where the settings have it. It is public.
    pub(crate) verifier: Option<String>,
    /// The last checkpoint, of the last epoch: a signed note.
    pub(crate) checkpoint: Option<String>,
}

/// Where the keys are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct KeysOf {
    /// Whether they were copied to another place.
    pub(crate) copied: bool,
    /// By which the keys that cannot be replaced are known again, by their setting: four bytes of
    /// a digest, which tell nothing of the key.
    pub(crate) marks: BTreeMap<String, String>,
}

/// Why a backup cannot be used by this program.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotOurs {
    #[error("it is of the form {0:?}, this program reads {FORMAT:?}")]
    Form(String),
    #[error(
        "its ledger is at {theirs}, which this program does not know (its own is {ours}): restore \
         it with assay {assay} or a newer one"
    )]
    Newer {
        theirs: String,
        ours: String,
        assay: String,
    },
    #[error("its migrations are not this program's: {0} is missing among them")]
    Other(String),
}

impl Manifest {
    /// Judges whether this program, which knows these migrations, can restore it.
    pub(crate) fn judge(&self, known: &[String]) -> Result<(), NotOurs> {
        if self.format != FORMAT {
            return Err(NotOurs::Form(self.format.clone()));
        }
        if let Some(theirs) = self.migrations.iter().find(|one| !known.contains(one)) {
            return Err(NotOurs::Newer {
                theirs: theirs.clone(),
                ours: known.last().cloned().unwrap_or_default(),
                assay: self.assay.clone(),
            });
        }
        let newest = self.migrations.last();
        let left_out = known.iter().find(|one| {
            newest.is_some_and(|newest| *one <= newest) && !self.migrations.contains(one)
        });
        match left_out {
            Some(left_out) => Err(NotOurs::Other(left_out.clone())),
            None => Ok(()),
        }
    }
}

/// By what a key is known again.
pub(crate) fn mark(setting: &str, key: &[u8]) -> String {
    let text = [b"assay-backup key ", setting.as_bytes(), b" ", key].concat();
    Digest::of(&text).to_string()[..8].to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn manifest(migrations: &[&str]) -> Manifest {
        let file = |name: &str| FileOf {
            name: name.to_owned(),
            bytes: 0,
            sha256: Digest::of(b""),
        };
        Manifest {
            format: FORMAT.to_owned(),
            id: Uuid::nil(),
            made_at: Timestamp::UNIX_EPOCH,
            assay: "0.1.0".to_owned(),
            postgres: 150_018,
            pg_dump: 15,
            migrations: migrations.iter().map(|&one| one.to_owned()).collect(),
            roles: Vec::new(),
            rows: BTreeMap::new(),
            ledger: file("ledger.dump"),
            list: file("objects.list"),
            objects: 0,
            objects_bytes: 0,
            settings: file("settings.toml"),
            log: LogOf {
                origin: "assay.test/log".to_owned(),
                verifier: None,
                checkpoint: None,
            },
            keys: KeysOf {
                copied: false,
                marks: BTreeMap::new(),
            },
            without: Vec::new(),
        }
    }

    #[test]
    fn a_backup_of_this_program_or_an_older_one_is_taken_and_no_other() {
        let known = ["1", "2", "3"].map(str::to_owned);
        for migrations in [&["1", "2", "3"][..], &["1", "2"], &[]] {
            assert_eq!(manifest(migrations).judge(&known), Ok(()));
        }
        let newer = manifest(&["1", "2", "3", "4"]).judge(&known).unwrap_err();
        let said = newer.to_string();
        assert!(
            said.starts_with("its ledger is at 4") && said.contains("assay 0.1.0"),
            "{said}"
        );
        let other = manifest(&["1", "3"]).judge(&known).unwrap_err();
        assert_eq!(other, NotOurs::Other("2".to_owned()));
        let mut old = manifest(&["1"]);
        old.format = "assay-backup/2".to_owned();
        assert!(matches!(old.judge(&known), Err(NotOurs::Form(_))));
    }

    #[test]
    fn a_mark_tells_keys_apart_and_no_setting_from_another_by_its_key() {
        assert_eq!(mark("a", b"key"), mark("a", b"key"));
        assert_ne!(mark("a", b"key"), mark("a", b"other"));
        assert_ne!(mark("a", b"key"), mark("b", b"key"));
        assert_eq!(mark("a", b"key").len(), 8);
    }
}
