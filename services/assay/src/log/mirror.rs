//! Owns the check of a mirror for people: where it is, how far the check is, what it found.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::{Duration, Instant};

use process::exit;
use proofs::files::{Files, Folder};
use proofs::mirror;
use proofs::pinned::Pinned;
use proofs::verdict::Finding;
use proofs::watch::{Checked, Kept, MirrorError, Passed, Watch, WatchError};

use super::VerifyLog;
use super::against::{Against, Differs};
use super::web::Web;
use crate::check_proof::{pinned, read};
use crate::context::Context;
use crate::say::say;

/// How often the check says how far it is, in seconds.
const PROGRESS_SECS: u64 = 2;
/// The exit codes of what no finding says: as `proofs` has them.
const TAMPERED: u8 = 1;
const INCOMPLETE: u8 = 2;

/// Checks the mirror; gives the exit code.
pub(super) async fn verify(
    location: &str,
    key: &str,
    asked: &VerifyLog,
    context: Option<&Context>,
) -> anyhow::Result<u8> {
    let mut watcher = Watcher {
        told: Instant::now(),
        against: match context {
            Some(context) => Some(Against::new(context.reader().await?)),
            None => None,
        },
    };
    let checked = match prepare(key, asked) {
        Err(finding) => Err(finding.into()),
        Ok((pinned, kept)) if is_web(location) => {
            let web = Web::new(location)?;
            checked(&web, &pinned, &kept, &mut watcher).await
        }
        Ok((pinned, kept)) => {
            let folder = Folder::new(Path::new(location));
            checked(&folder, &pinned, &kept, &mut watcher).await
        }
    };
    Ok(told(location, checked))
}

fn is_web(location: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| location.starts_with(scheme))
}

fn prepare(key: &str, asked: &VerifyLog) -> Result<(Pinned, Vec<Kept>), Finding> {
    let pinned = pinned(key, asked.origin.as_deref())?;
    let kept = asked.since.iter().map(|path| {
        Ok(Kept {
            name: path.display().to_string(),
            note: String::from_utf8_lossy(&read(path)?).into_owned(),
        })
    });
    Ok((pinned, kept.collect::<Result<_, Finding>>()?))
}

async fn checked(
    files: &impl Files,
    pinned: &Pinned,
    kept: &[Kept],
    watcher: &mut Watcher,
) -> Result<Checked, MirrorError> {
    mirror::check(files, pinned, kept, watcher).await
}

fn told(location: &str, checked: Result<Checked, MirrorError>) -> u8 {
    match checked {
        Ok(checked) => {
            say!("ok: {location}: {} leaves", checked.leaves());
            for epoch in &checked.epochs {
                say!(
                    "  {}: {} leaves, root {}",
                    epoch.origin,
                    epoch.size,
                    epoch.root
                );
            }
            if checked.kept > 0 {
                say!(
                    "  it begins with all that {} kept checkpoints signed",
                    checked.kept
                );
            }
            if checked.key_changes > 0 {
                say!(
                    "  the key was changed {} times; by now it is",
                    checked.key_changes
                );
                say!("  {}", checked.key);
            }
            exit::OK
        }
        Err(MirrorError::Found(finding)) => {
            say!("{finding}");
            finding.exit_code()
        }
        Err(MirrorError::Watcher(error)) if error.is::<Differs>() => {
            say!("tampered: {error}");
            TAMPERED
        }
        Err(MirrorError::Watcher(error)) => {
            eprintln!("assay: held against the ledger: {error}");
            exit::TRY_LATER
        }
        Err(MirrorError::Files(error)) => {
            say!("incomplete: {:#}", anyhow::Error::from(error));
            INCOMPLETE
        }
    }
}

/// Says how far the check is, and holds the leaves against the ledger.
struct Watcher {
    told: Instant,
    against: Option<Against>,
}

impl Watch for Watcher {
    async fn passed(&mut self, passed: &Passed<'_>) -> Result<(), WatchError> {
        if let Some(against) = &mut self.against {
            against.compare(passed).await?;
        }
        if self.told.elapsed() >= Duration::from_secs(PROGRESS_SECS) {
            self.told = Instant::now();
            let done = passed.first + passed.entries.len() as u64;
            let end = if std::io::stderr().is_terminal() {
                "\r"
            } else {
                "\n"
            };
            eprint!(
                "epoch {}: {done} of {} leaves{end}",
                passed.epoch, passed.size
            );
        }
        Ok(())
    }
}
