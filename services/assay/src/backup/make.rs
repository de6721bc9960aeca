//! Owns how a backup is made, in the order that makes it whole: the ledger of one moment, then the
//! objects, which were there before the rows that name them, then the manifest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use contract::name::Actor;
use contract::time::to_text;
use process::exit;
use process::settings::Settings;
use store::pool::Connection;
use store::{log_checkpoint, log_epoch};
use uuid::Uuid;

use crate::backup::KeysPlace;
use crate::backup::ledger::{self, DUMP, Dumped, OwnersWay};
use crate::backup::made;
use crate::backup::manifest::{self, FORMAT, KeysOf, LogOf, Manifest, WITHOUT};
use crate::backup::objects::{self, LIST, Objected};
use crate::backup::place::{self, MANIFEST, Shelf};
use crate::backup::progress;
use crate::backup::{keys, settings};
use crate::context::Context;
use crate::say::say;

/// The settings' file.
const SETTINGS: &str = "settings.toml";
pub(super) async fn make(
    context: &Context,
    to: &Path,
    keys: &KeysPlace,
    actor: &Actor,
) -> anyhow::Result<u8> {
    let settings = &context.settings;
    let shelf = Shelf::make(to)?;
    refuse_together(settings, &shelf, keys)?;
    let _held = shelf.hold()?;
    let way = OwnersWay::of(settings)?;
    let id = Uuid::now_v7();
    let folder = shelf.begin(id, contract::time::now())?;
    let dumped = ledger::dump(&way, &folder).await?;
    let objected = objects::copy(settings, &shelf, &folder).await?;
    let checkpoint = newest_checkpoint(&mut way.connection().await?).await?;
    place::write(&folder.join(SETTINGS), settings::text(settings)?.as_bytes())?;
    let copied = copy_keys(settings, keys, &folder)?;
    let (origin, verifier) = (settings.log.origin.clone(), settings.log_verifier_key()?);
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        id,
        made_at: dumped.made_at,
        assay: env!("CARGO_PKG_VERSION").to_owned(),
        postgres: dumped.postgres,
        pg_dump: dumped.pg_dump,
        ledger: place::describe(&folder.join(DUMP))?,
        list: place::describe(&folder.join(LIST))?,
        objects: objected.objects,
        objects_bytes: objected.bytes,
        settings: place::describe(&folder.join(SETTINGS))?,
        log: LogOf {
            origin,
            verifier,
            checkpoint,
        },
        keys: KeysOf {
            copied: copied.is_some(),
            marks: marks(settings)?,
        },
        without: WITHOUT.map(str::to_owned).to_vec(),
        migrations: dumped.migrations.clone(),
        roles: dumped.roles.clone(),
        rows: dumped.rows.clone(),
    };
    let text = serde_json::to_vec_pretty(&manifest).context("write the manifest")?;
    place::sync_folder_of(&folder.join(DUMP)).context("sync the backup's folder")?;
    place::write(&folder.join(MANIFEST), &text)?;
    // Now that it is whole: whoever looks at the log knows that a copy of everything went somewhere.
    made::record(&way, actor, &manifest)
        .await
        .context("the backup is whole, and its audit entry could not be written")?;
    tell(&folder, &dumped, &objected, copied.as_deref());
    Ok(match objected.corrupt.is_empty() {
        true => exit::OK,
        false => exit::FAILED,
    })
}

/// Keys and backup in one place would be one thing to lose.
fn refuse_together(settings: &Settings, shelf: &Shelf, keys: &KeysPlace) -> anyhow::Result<()> {
    if settings.objects.s3.is_none() {
        refuse_beside_objects(&settings.objects.folder, shelf)?;
    }
    let KeysPlace::Folder(folder) = keys else {
        return Ok(());
    };
    place::make_private(folder)?;
    let folder = folder
        .canonicalize()
        .with_context(|| format!("find {}", folder.display()))?;
    if keys::are_together(&folder, &shelf.folder) {
        bail!(
            "the keys' place {} and the backup's {} lie in one another: whoever has the backup \
             would have the keys to it",
            folder.display(),
            shelf.folder.display()
        );
    }
    Ok(())
}

fn refuse_beside_objects(objects: &Path, shelf: &Shelf) -> anyhow::Result<()> {
    let source = objects
        .canonicalize()
        .with_context(|| format!("find objects.folder, {}", objects.display()))?;
    if keys::are_together(&source, &shelf.folder) {
        bail!(
            "the backup {} and the objects {} lie in one another: a backup goes to another place, \
             best to another machine's disk",
            shelf.folder.display(),
            source.display()
        );
    }
    Ok(())
}

/// The last checkpoint of the last epoch that has one.
async fn newest_checkpoint(conn: &mut Connection) -> anyhow::Result<Option<String>> {
    for epoch in log_epoch::all(conn).await?.into_iter().rev() {
        if let Some(newest) = log_checkpoint::newest(conn, &epoch.origin).await? {
            return Ok(Some(newest.note));
        }
    }
    Ok(None)
}

/// Copies the keys to their own place; gives where, if they were.
fn copy_keys(
    settings: &Settings,
    keys: &KeysPlace,
    backup: &Path,
) -> anyhow::Result<Option<PathBuf>> {
    let KeysPlace::Folder(folder) = keys else {
        return Ok(None);
    };
    let name = backup.file_name().context("a backup has a name")?;
    let folder = folder.join(name);
    let copied = keys::copy(settings, &folder)?;
    eprintln!("the keys: {copied} files");
    for variable in keys::variables(settings)? {
        eprintln!("{variable} names a variable: what it holds is not copied");
    }
    Ok(Some(folder))
}

/// By what the keys that cannot be replaced are known again.
fn marks(settings: &Settings) -> anyhow::Result<BTreeMap<String, String>> {
    let mut marks = BTreeMap::new();
    for key in keys::files(settings)? {
        if keys::is_irreplaceable(&key.setting) {
            let bytes = fs::read(&key.file)
                .with_context(|| format!("read {}, {}", key.setting, key.file.display()))?;
            marks.insert(key.setting.clone(), manifest::mark(&key.setting, &bytes));
        }
    }
    Ok(marks)
}

fn tell(folder: &Path, dumped: &Dumped, objected: &Objected, keys: Option<&Path>) {
    say!("{}", folder.display());
    say!("  the ledger as it was at {}", to_text(dumped.made_at));
    say!(
        "  {} objects, {}; {} of them new",
        objected.objects,
        progress::bytes(objected.bytes),
        objected.new
    );
    match keys {
        Some(keys) => say!("  the keys are in {}: keep them apart", keys.display()),
        None => say!("  without keys: it cannot be read without those that are kept elsewhere"),
    }
    say!("  not in it:");
    WITHOUT.iter().for_each(|one| say!("    {one}"));
    for key in &objected.corrupt {
        say!("  CORRUPT in the object store itself: {key}");
    }
}
