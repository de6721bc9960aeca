//! Owns `assay restore`: a ledger and its objects made anew from a backup, and fit to serve.

mod epoch;
mod erasures;
mod ledger;
mod newest;
mod objects;
mod steps;
mod target;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use contract::time::to_text;
use process::exit;
use serde_json::Value;
use tlog::checkpoint;

use crate::backup::check;
use crate::backup::place::Whole;
use crate::cli::Place;
use crate::restore::newest::Newer;
use crate::restore::steps::Restoring;
use crate::restore::target::Target;
use crate::say::say;

/// What is asked of `assay restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The folder of backups, whose newest whole one is taken, or one backup's.
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// Where the backup's keys are: those that are missing are put where the settings look for them.
    #[arg(long, value_name = "FOLDER")]
    keys_from: Option<PathBuf>,
    /// A checkpoint that is newer than the backup: a file with the signed note, or a folder with a
    /// mirror of the log (or of the object store) that outlived the loss. May be given several times.
    #[arg(long, value_name = "FILE|FOLDER")]
    last_checkpoint: Vec<PathBuf>,
    /// Erasures since the backup: a folder with the object store's `erasures`, or with a mirror of
    /// the log. Mirrors given by --last-checkpoint are looked at anyway. May be given several times.
    #[arg(long, value_name = "FOLDER")]
    erasures: Vec<PathBuf>,
    /// The object store was not lost: what it has is kept, and what it lacks is put back.
    #[arg(long)]
    keep_objects: bool,
}

pub(crate) async fn restore(place: &Place, asked: Restore) -> anyhow::Result<u8> {
    let (backup, torn) = Whole::find(&asked.from)?;
    for one in torn {
        eprintln!("passed over {}: it was not finished", one.display());
    }
    backup.manifest.judge(&store::migrate::known()?)?;
    eprintln!(
        "restoring {}, the ledger as it was at {}",
        backup.folder.display(),
        to_text(backup.manifest.made_at)
    );
    refuse_damaged(&backup).await?;
    let target = Target::open(place, asked.keys_from.as_deref(), &backup).await?;
    let restored = into(&target, &backup, &asked).await;
    // Whatever became of it: its Postgres is ended in order.
    let closed = target.close().await;
    restored?;
    closed?;
    Ok(exit::OK)
}

/// Nothing is touched for a backup that is not whole and sound.
async fn refuse_damaged(backup: &Whole) -> anyhow::Result<()> {
    let bad = check::of(backup).await?;
    let Some(first) = bad.first() else {
        return Ok(());
    };
    bail!(
        "the backup {} is damaged: {first}, and {} more (`assay backup check` names them). Use \
         another one",
        backup.folder.display(),
        bad.len() - 1
    )
}

async fn into(target: &Target, backup: &Whole, asked: &Restore) -> anyhow::Result<()> {
    let mut restoring = Restoring::begin(target, backup, asked.keep_objects).await?;
    if !restoring.is_done(steps::LEDGER) {
        ledger::load(target, backup, &restoring).await?;
        restoring
            .done(steps::LEDGER, ledger::detail(backup))
            .await?;
    }
    if !restoring.is_done(steps::OBJECTS) {
        let detail = objects::put_back(target, backup).await?;
        restoring.done(steps::OBJECTS, detail).await?;
    }
    let newer = Newer::find(target, backup, &asked.last_checkpoint, &asked.erasures).await?;
    if !restoring.is_done(steps::LOG) {
        let detail = epoch::open(target, &mut restoring, &newer).await?;
        restoring.done(steps::LOG, detail).await?;
    }
    if !restoring.is_done(steps::ERASURES) {
        let detail = erasures::apply(target, &newer).await?;
        restoring.done(steps::ERASURES, detail).await?;
    }
    let log = restoring.detail(steps::LOG).await?;
    restoring.finish().await?;
    tell(backup, &log);
    Ok(())
}

/// What was restored, and what nobody can know.
fn tell(backup: &Whole, log: &Value) {
    let said = |note: &String| checkpoint::said(note).ok();
    let of_backup = backup.manifest.log.checkpoint.as_ref().and_then(said);
    let of_backup = of_backup.map(|said| (said.origin, said.size));
    let linked = log["previous_origin"]
        .as_str()
        .zip(log["previous_size"].as_u64());
    let linked = linked.map(|(origin, size)| (origin.to_owned(), size));
    say!("restored, and fit to serve");
    say!(
        "  the log goes on as {}",
        log["origin"].as_str().unwrap_or_default()
    );
    if linked == of_backup {
        say!(
            "  NOTHING NEWER THAN THE BACKUP IS KNOWN: what was signed, and who was erased, after"
        );
        say!(
            "  {} is not. If a mirror of the log or the object store is found later, do not",
            to_text(backup.manifest.made_at)
        );
        say!("  serve before you have restored once more with it (--last-checkpoint, --erasures)");
    }
    say!(
        "  next: start the services, `assay verify-log`, then `assay reconcile`: deliveries since"
    );
    say!("  the backup are in NATS where it was not lost, and else at the forges");
}
