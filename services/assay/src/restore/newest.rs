//! Owns what is known that is newer than the backup: checkpoints that were seen outside, mirrors of
//! the log, records of erasures. What is signed by no key of this log is not believed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use proofs::files::Folder;
use proofs::mirror;
use proofs::pinned::Pinned;
use proofs::watch::{Checked, Passed, Watch, WatchError};
use tlog::checkpoint;
use tlog::key::VerifyingKey;

use crate::backup::place::Whole;
use crate::restore::erasures::{self, Record};
use crate::restore::objects::read;
use crate::restore::target::Target;

/// Largest note that is read from a file, in bytes.
const NOTE_BYTES_MAX: usize = 64 * 1024;

/// What is known beside the backup.
#[derive(Debug, Default)]
pub(super) struct Newer {
    /// Signed notes of checkpoints, each checked.
    pub(super) notes: Vec<String>,
    /// Mirrors of the log, each checked: the folder of their epochs.
    pub(super) mirrors: Vec<PathBuf>,
    /// Erasures.
    pub(super) records: Vec<Record>,
}

impl Newer {
    /// Looks through what was given.
    pub(super) async fn find(
        target: &Target,
        backup: &Whole,
        checkpoints: &[PathBuf],
        folders: &[PathBuf],
    ) -> anyhow::Result<Self> {
        let mut newer = Self::default();
        let keys = trusted(target, backup)?;
        for path in checkpoints {
            match path.is_dir() {
                true => {
                    newer
                        .folder(path, &keys, &target.settings.log.origin)
                        .await?
                }
                false => newer.note(path, &keys)?,
            }
        }
        for path in folders {
            if !path.is_dir() {
                bail!("{} is no folder with records of erasures", path.display());
            }
            newer
                .folder(path, &keys, &target.settings.log.origin)
                .await?;
        }
        Ok(newer)
    }

    fn note(&mut self, path: &Path, keys: &[VerifyingKey]) -> anyhow::Result<()> {
        let bytes = read(path)?;
        let text = String::from_utf8(bytes).ok();
        let text = text.filter(|text| text.len() <= NOTE_BYTES_MAX);
        let note = text.with_context(|| format!("{} is no signed note", path.display()))?;
        let said = checkpoint::said(&note)
            .with_context(|| format!("read the checkpoint {}", path.display()))?;
        let mut refused = None;
        for key in keys {
            let opened = key
                .renamed(&said.origin)
                .map(|key| checkpoint::open(&note, &key));
            match opened.context("name the log's key")? {
                Ok(_) => {
                    self.notes.push(note);
                    return Ok(());
                }
                Err(error) => refused = Some(error),
            }
        }
        let refused = refused.context("there is no key to check it with: set log.verifier_key")?;
        Err(refused).with_context(|| format!("believe the checkpoint {}", path.display()))
    }

    /// A mirror of the log or of the object store, records of erasures, or several of these.
    async fn folder(
        &mut self,
        folder: &Path,
        keys: &[VerifyingKey],
        origin: &str,
    ) -> anyhow::Result<()> {
        let mut found = false;
        for records in [folder.join("erasures"), folder.to_owned()] {
            let records = erasures::records_in(&records)?;
            found |= !records.is_empty();
            self.records.extend(records);
        }
        for log in [folder.join("log"), folder.to_owned()] {
            if log.join("checkpoint").exists() || has_epochs(&log) {
                self.mirror(&log, keys, origin).await?;
                return Ok(());
            }
        }
        match found {
            true => Ok(()),
            false => bail!(
                "{} is neither a mirror of the log nor a folder of records of erasures",
                folder.display()
            ),
        }
    }

    async fn mirror(
        &mut self,
        folder: &Path,
        keys: &[VerifyingKey],
        origin: &str,
    ) -> anyhow::Result<()> {
        let mut refused = None;
        for key in keys {
            let pinned = Pinned::new(origin, key.clone());
            let pinned = pinned.map_err(|finding| anyhow::anyhow!("{finding}"))?;
            let mut erased = Erased::default();
            match mirror::check(&Folder::new(folder), &pinned, &[], &mut erased).await {
                Ok(checked) => {
                    self.notes.push(newest_note(folder, &checked)?);
                    self.records.extend(erased.records);
                    self.mirrors.push(folder.to_owned());
                    return Ok(());
                }
                Err(error) => refused = Some(error),
            }
        }
        let refused = refused.context("there is no key to check it with: set log.verifier_key")?;
        Err(refused).with_context(|| {
            format!(
                "believe the mirror {} (`assay verify-log --mirror`)",
                folder.display()
            )
        })
    }

    /// Puts the files of the mirrors where the log is published: what was seen stays to be seen.
    pub(super) async fn publish(&self, target: &Target) -> anyhow::Result<()> {
        for folder in &self.mirrors {
            for epoch in epochs(folder) {
                publish_epoch(target, &folder.join(epoch.to_string()), epoch).await?;
            }
        }
        Ok(())
    }
}

/// The keys that a checkpoint of this log may be signed by: the settings', and the backup's.
fn trusted(target: &Target, backup: &Whole) -> anyhow::Result<Vec<VerifyingKey>> {
    let texts = [
        target.settings.log_verifier_key()?,
        backup.manifest.log.verifier.clone(),
    ];
    let mut keys: Vec<VerifyingKey> = Vec::new();
    for text in texts.into_iter().flatten() {
        let key: VerifyingKey = text.parse().context("read the log's verifier key")?;
        if !keys.iter().any(|known| known.as_str() == key.as_str()) {
            keys.push(key);
        }
    }
    Ok(keys)
}

fn newest_note(folder: &Path, checked: &Checked) -> anyhow::Result<String> {
    let newest = checked.epochs.last().context("the mirror has no epoch")?;
    let epoch = epochs(folder)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default();
    let path = folder.join(epoch).join("checkpoint");
    let note = String::from_utf8(read(&path)?).context("a checkpoint is text")?;
    let said = checkpoint::said(&note)?;
    match said == *newest {
        true => Ok(note),
        false => bail!("{} changed while it was read", path.display()),
    }
}

/// The numbers of a mirror's epochs.
fn epochs(folder: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut numbers: Vec<u64> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

fn has_epochs(folder: &Path) -> bool {
    epochs(folder)
        .iter()
        .any(|epoch| folder.join(epoch.to_string()).join("checkpoint").exists())
}

async fn publish_epoch(target: &Target, folder: &Path, epoch: u64) -> anyhow::Result<()> {
    let mut folders = vec![folder.join("tile")];
    // Ends: a tree of files has an end, and links are not followed.
    while let Some(next) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else {
            continue;
        };
        for entry in entries {
            let entry = entry.with_context(|| format!("read {}", next.display()))?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(folder).context("it lies below")?;
            let key = format!("log/{epoch}/{}", below.display());
            target
                .objects
                .put_at_if_absent(&key, Bytes::from(read(&path)?))
                .await?;
        }
    }
    let note = read(&folder.join("checkpoint"))?;
    let key = format!("log/{epoch}/checkpoint");
    let size = |note: &[u8]| Some(checkpoint::said(std::str::from_utf8(note).ok()?).ok()?.size);
    let there = target.objects.bytes_at(&key).await.ok();
    if there.as_deref().and_then(size) < size(&note) {
        target.objects.put_at(&key, note.into()).await?;
    }
    Ok(())
}

/// Hears of erasures while a mirror is read.
#[derive(Debug, Default)]
struct Erased {
    records: Vec<Record>,
}

impl Watch for Erased {
    async fn passed(&mut self, passed: &Passed<'_>) -> Result<(), WatchError> {
        let records = passed
            .entries
            .iter()
            .filter_map(|entry| Record::of_entry(entry));
        self.records.extend(records);
        Ok(())
    }
}
