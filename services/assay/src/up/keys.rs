//! Owns the secrets of a house of its own: made once, in files that only their owner can read.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use deploy::users::entries;
use process::settings::nats::USER_PLACEHOLDER;
use rand::RngCore as _;
use rand::rngs::OsRng;

use crate::nats;

/// Length of a made secret, in bytes before it is written as hex.
const SECRET_BYTES: usize = 32;

/// The folder of a house's secrets, in its data folder.
pub(crate) const SECRETS: &str = "secrets";

/// Where the secrets are.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) webhook: PathBuf,
    pub(crate) pseudonym: PathBuf,
    pub(crate) master: PathBuf,
    pub(crate) log_signing: PathBuf,
    pub(crate) log_verifier: PathBuf,
    folder: PathBuf,
}

impl Keys {
    /// Finds the secrets in `data`, or makes those that are not there.
    pub(crate) fn make(data: &Path, origin: &str) -> anyhow::Result<Self> {
        Self::make_in(&data.join(SECRETS), origin)
    }

    /// Where the secrets are in `folder`, or will be.
    pub(crate) fn places(folder: &Path) -> Self {
        Self {
            webhook: folder.join("webhook"),
            pseudonym: folder.join("pseudonym"),
            master: folder.join("privacy-master"),
            log_signing: folder.join("log-signing"),
            log_verifier: folder.join("log-verifier"),
            folder: folder.to_owned(),
        }
    }

    /// Finds the secrets in `folder`, or makes those that are not there.
    pub(crate) fn make_in(folder: &Path, origin: &str) -> anyhow::Result<Self> {
        make_private(folder)?;
        let keys = Self::places(folder);
        for file in [&keys.webhook, &keys.pseudonym, &keys.master] {
            if !file.exists() {
                let mut bytes = [0; SECRET_BYTES];
                OsRng.fill_bytes(&mut bytes);
                write(file, &hex::encode(bytes))?;
            }
        }
        nats::make_missing(folder)?;
        if !keys.log_signing.exists() {
            let pair = tlog::key::generate(origin).context("make the log's key")?;
            // The public half first: a signing key without it could not be checked.
            write(&keys.log_verifier, &pair.verifier)?;
            write(&keys.log_signing, &pair.signer)?;
        }
        Ok(keys)
    }

    /// Where the key of each user of NATS is, with `{user}` in the place of its name.
    pub(crate) fn nats_seed_file(&self) -> String {
        format!("{}/nats-{USER_PLACEHOLDER}", self.folder.display())
    }

    /// The users of NATS with their rights, as the private server's configuration has them.
    pub(crate) fn nats_users(&self) -> anyhow::Result<String> {
        Ok(entries(&nats::keyed(&self.folder)?))
    }
}

/// Makes a folder that only its owner can enter.
pub(crate) fn make_private(folder: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.with_context(|| format!("make the folder {}", folder.display()))
}

/// Writes a file that only its owner can read; whole, or not at all.
pub(crate) fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let part = file.with_extension("part");
    let wrote = || {
        let mut options = OpenOptions::new();
        let mut open = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)?;
        open.write_all(text.as_bytes())?;
        open.sync_all()?;
        fs::rename(&part, file)
    };
    wrote().with_context(|| format!("write {}", file.display()))
}
