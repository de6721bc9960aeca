//! Owns where a restore goes: the settings that hold, the ledger, the objects; and the refusals.

use std::path::Path;

use anyhow::bail;
use futures::StreamExt as _;
use objects::store::Objects;
use process::settings::Settings;

use crate::backup::keys;
use crate::backup::ledger::OwnersWay;
use crate::backup::manifest::mark;
use crate::backup::place::Whole;
use crate::cli::Place;
use crate::up::foundations::Foundations;
use crate::up::overlay::is_free;

/// What is restored into.
pub(super) struct Target {
    pub(super) settings: Settings,
    pub(super) way: OwnersWay,
    pub(super) objects: Objects,
    /// The house whose own Postgres it is.
    house: Option<Foundations>,
}

impl Target {
    /// Opens what the settings name; where they name no Postgres, that of the data folder. Keys that
    /// are missing are put back first, and all that cannot be replaced must be the backup's.
    pub(super) async fn open(
        place: &Place,
        keys_from: Option<&Path>,
        backup: &Whole,
    ) -> anyhow::Result<Self> {
        let settings = Settings::load(place.config.as_deref())?;
        let keys_from = keys_from
            .map(|folder| keys_of(folder, backup))
            .transpose()?;
        let prepare = |settings: &Settings| {
            if let Some(folder) = &keys_from {
                for setting in keys::put_back(settings, folder)? {
                    eprintln!("put back {setting}");
                }
            }
            refuse_other_keys(settings, backup)
        };
        let (settings, house) = if is_free(&settings, "postgres.url") {
            let house = Foundations::open(settings, &place.data, prepare).await?;
            (house.settings.clone(), Some(house))
        } else {
            prepare(&settings)?;
            (settings, None)
        };
        if settings.log.origin != backup.manifest.log.origin {
            bail!(
                "the settings' log is {:?}, and the backup's {:?}: set log.origin",
                settings.log.origin,
                backup.manifest.log.origin
            );
        }
        Ok(Self {
            way: OwnersWay::of(&settings)?,
            objects: service::objects::open(&settings)?,
            settings,
            house,
        })
    }

    /// Nothing is put among objects that are there, unless they are said to be this ledger's.
    pub(super) async fn refuse_objects(&self, keep: bool) -> anyhow::Result<()> {
        if keep {
            return Ok(());
        }
        match self.objects.keys().next().await.transpose()? {
            None => Ok(()),
            Some(key) => bail!(
                "the object store {} is not empty: it has {key}. If it was not lost, and is this \
                 ledger's, give --keep-objects; else name an empty folder or bucket in [objects]",
                service::objects::place(&self.settings)
            ),
        }
    }

    /// Ends what was started for it.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        drop(self.way);
        match self.house {
            Some(house) => house.close().await,
            None => Ok(()),
        }
    }
}

/// The folder of the backup's keys: the one given, or the one in it with the backup's name.
fn keys_of(folder: &Path, backup: &Whole) -> anyhow::Result<std::path::PathBuf> {
    let named = backup.folder.file_name().map(|name| folder.join(name));
    let found = named.filter(|named| named.is_dir());
    let found = found.unwrap_or_else(|| folder.to_owned());
    match found.is_dir() {
        true => Ok(found),
        false => bail!("there is no folder of keys at {}", found.display()),
    }
}

/// With other keys people become strangers, what is sealed stays sealed, and the log is another's.
fn refuse_other_keys(settings: &Settings, backup: &Whole) -> anyhow::Result<()> {
    for key in keys::files(settings)? {
        let Some(expected) = backup.manifest.keys.marks.get(&key.setting) else {
            continue;
        };
        match std::fs::read(&key.file) {
            Ok(bytes) if mark(&key.setting, &bytes) == *expected => {}
            Ok(_) => bail!(
                "{} is another key than when the backup was made: {}. Put that one back \
                 (--keys-from <folder>)",
                key.setting,
                key.file.display()
            ),
            Err(error) => bail!(
                "{} cannot be read: {}: {error}. Put the backup's key back (--keys-from <folder>)",
                key.setting,
                key.file.display()
            ),
        }
    }
    Ok(())
}
