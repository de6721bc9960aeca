//! Owns `assay log rotate-key`: the change of the log's key, led a step at a time. It makes the next
//! key and says how far the change is; the auditor makes the change, by its settings.
//!
//! It never replaces a file: whoever loses the key that the log is signed by cannot sign any more.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use auditor::keys::{Keys, in_force};
use clap::{Args, Subcommand};
use process::exit;
use process::settings::Settings;
use store::log_key;
use tlog::key::SigningKey;

use crate::context::Context;
use crate::say::say;
use crate::up::keys::write;

/// What is asked of the log itself.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LogOrder {
    /// Change the key that signs the log: make the next one, or say how far the change is (0: what
    /// to do next is said; 75: the auditor has not made it yet; 1: another key signs the log).
    RotateKey(RotateKey),
}

/// A change of the key.
#[derive(Clone, Debug, Args)]
pub(crate) struct RotateKey {
    /// The file to make the next key in, its public half in `<FILE>.pub` beside it. Without it: how
    /// far the change is.
    file: Option<PathBuf>,
}

/// Carries an order out; gives the exit code.
pub(crate) async fn log(context: &Context, order: &LogOrder) -> anyhow::Result<u8> {
    let LogOrder::RotateKey(RotateKey { file }) = order;
    let held = Held::read(&context.settings)?;
    match file {
        Some(file) => begin(&held, &context.settings.log.origin, file),
        None => {
            let mut ledger = context.reader().await?;
            let changes = log_key::changes(&mut ledger).await?;
            Ok(tell(&held, &held.stage(in_force(&changes).as_deref())))
        }
    }
}

/// The public halves of the keys that the settings name.
struct Held {
    signing: String,
    next: Option<String>,
    /// Where the next key is, and where whoever checks finds the public half of today's.
    next_file: Option<PathBuf>,
    verifier_file: Option<PathBuf>,
}

/// How far a change is.
#[derive(PartialEq, Eq, Debug)]
enum Stage {
    /// None is under way.
    None,
    /// The next key is set, and does not sign yet.
    Waits,
    /// The next key signs the log.
    InForce,
    /// A key signs the log that the settings do not name, or not in this place.
    Other(String),
}

impl Held {
    fn read(settings: &Settings) -> anyhow::Result<Self> {
        let key = |secret: process::secret::Secret| -> anyhow::Result<String> {
            Ok(secret.expose_str().context("a key is no text")?.to_owned())
        };
        let signing = key(settings.log_signing_key()?)?;
        let next = settings.log_next_signing_key()?.map(key).transpose()?;
        // Tried as the auditor tries them.
        Keys::read(&settings.log.origin, &signing, next.as_deref(), None)?;
        let public = |text: &str| -> anyhow::Result<String> {
            let key: SigningKey = text.parse().context("read a signing key")?;
            Ok(key.verifying().as_str().to_owned())
        };
        Ok(Self {
            signing: public(&signing)?,
            next: next.as_deref().map(public).transpose()?,
            next_file: settings.log.next_signing_key_file.clone(),
            verifier_file: settings.log.verifier_key_file.clone(),
        })
    }

    /// How far the change is, by the last key that the log says; `None` where it was never changed.
    fn stage(&self, in_force: Option<&str>) -> Stage {
        let signs = in_force.unwrap_or(&self.signing);
        match &self.next {
            Some(next) if next == signs => Stage::InForce,
            _ if signs != self.signing => Stage::Other(signs.to_owned()),
            Some(_) => Stage::Waits,
            None => Stage::None,
        }
    }
}

/// Makes the next key, and says what is next.
fn begin(held: &Held, origin: &str, file: &Path) -> anyhow::Result<u8> {
    if held.next.is_some() {
        bail!(
            "log.next_signing_key_file is set: finish that change first (`assay log rotate-key` \
             says how far it is)"
        );
    }
    let public = public_half(file);
    for there in [file, &public] {
        if there.symlink_metadata().is_ok() {
            bail!(
                "{} is there, and no key is overwritten: name another file",
                there.display()
            );
        }
    }
    let pair = tlog::key::generate(origin).context("make the log's next key")?;
    // The public half first: a signing key without it could not be checked.
    write(&public, &pair.verifier)?;
    write(file, &pair.signer)?;
    say!(
        "made {}, and its public half, {}",
        file.display(),
        public.display()
    );
    say!("Nothing is signed by it yet. What is next:");
    say!("  1. where the auditors run, beside log.signing_key_file, which stays as it is:");
    say!(
        "     log.next_signing_key_file = {:?}",
        file.display().to_string()
    );
    say!("  2. start the auditors again: the one that leads makes the change within seconds");
    say!(
        "  3. `assay log rotate-key`, by the same settings, says when it is made and what is left"
    );
    Ok(exit::OK)
}

/// Says how far the change is.
fn tell(held: &Held, stage: &Stage) -> u8 {
    match stage {
        Stage::None => {
            say!("no change of the key is under way; the log is signed by");
            say!("  {}", held.signing);
            say!("`assay log rotate-key <a new file>` begins one");
            exit::OK
        }
        Stage::Waits => {
            say!("the next key is set, and the log is not signed by it yet:");
            say!("start the auditors again, if they run by the settings of before");
            exit::TRY_LATER
        }
        Stage::InForce => {
            finish(held);
            exit::OK
        }
        Stage::Other(key) => {
            say!("the log is signed by another key than the settings name here:");
            say!("  {key}");
            say!("make that one log.signing_key_file; only what it signs goes on");
            exit::FAILED
        }
    }
}

/// What is left once the next key signs.
fn finish(held: &Held) {
    let shown = |file: &Path| format!("{:?}", file.display().to_string());
    let next = held.next.as_deref().unwrap_or_default();
    let file = held.next_file.as_deref().unwrap_or(Path::new(""));
    say!("all that the log adds is signed by the new key:");
    say!("  {next}");
    say!("What is left, in the settings of all that name them:");
    say!("  1. log.signing_key_file = {}", shown(file));
    say!("     log.next_signing_key_file goes");
    match &held.verifier_file {
        Some(_) => say!("     log.verifier_key_file = {}", shown(&public_half(file))),
        None => say!("     log.verifier_key = {next:?}, where it is set"),
    }
    say!("  2. start the auditors again");
    say!("  3. give the new public half to whoever pinned the old one; with either all checks");
    say!(
        "  4. `assay backup`, or copy the new key to where keys are kept, before the old one goes"
    );
}

fn public_half(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tlog::key::generate;

    use super::*;

    const ORIGIN: &str = "log.example/lab";

    fn held(signing: &str, next: Option<&str>) -> Held {
        Held {
            signing: signing.to_owned(),
            next: next.map(str::to_owned),
            next_file: next.map(PathBuf::from),
            verifier_file: None,
        }
    }

    #[test]
    fn how_far_a_change_is_follows_from_the_settings_and_the_log() {
        for (next, in_force, stage) in [
            (None, None, Stage::None),
            (None, Some("old"), Stage::None),
            (Some("new"), None, Stage::Waits),
            (Some("new"), Some("old"), Stage::Waits),
            (Some("new"), Some("new"), Stage::InForce),
            // The key is its own successor: nothing is left of the change but the setting.
            (Some("old"), None, Stage::InForce),
            (None, Some("new"), Stage::Other("new".to_owned())),
            (Some("newer"), Some("new"), Stage::Other("new".to_owned())),
        ] {
            assert_eq!(
                held("old", next).stage(in_force),
                stage,
                "{next:?} {in_force:?}"
            );
        }
    }

    #[test]
    fn a_key_is_made_for_the_log_and_none_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("next");
        let old = generate(ORIGIN).unwrap();
        begin(&held(&old.verifier, None), ORIGIN, &file).unwrap();
        let made = fs::read_to_string(&file).unwrap();
        let key: SigningKey = made.parse().unwrap();
        let public = fs::read_to_string(folder.path().join("next.pub")).unwrap();
        assert_eq!(public, key.verifying().as_str());
        assert_ne!(public, old.verifier);
        assert!(begin(&held(&old.verifier, None), ORIGIN, &file).is_err());
        fs::rename(&file, folder.path().join("away")).unwrap();
        assert!(begin(&held(&old.verifier, None), ORIGIN, &file).is_err());
        let other = folder.path().join("other");
        assert!(begin(&held(&old.verifier, Some(&public)), ORIGIN, &other).is_err());
        assert!(!other.exists());
        assert_eq!(
            fs::read_to_string(folder.path().join("away")).unwrap(),
            made
        );
    }
}
