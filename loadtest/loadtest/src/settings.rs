//! Owns the settings and the secrets of a house of ours, as files.

use std::path::Path;

use anyhow::{Context as _, Result};
use process::settings::postgres::ROLE_PLACEHOLDER;
use servers::postgres::OWNER;
use testkit::users::{self, Keys};

/// The log's name.
const ORIGIN: &str = "assay.test/loadtest";

/// What a house's settings are made of.
pub(crate) struct Told<'a> {
    /// Where NATS is.
    pub(crate) nats: String,
    /// Where its monitoring is.
    pub(crate) monitoring: String,
    /// Who may do what there, by which keys.
    pub(crate) keys: &'a Keys,
    /// Where the ledger's owner reaches it.
    pub(crate) owner_url: String,
    /// Where repositories are fetched from.
    pub(crate) fetch: String,
    /// The source that webhooks come to.
    pub(crate) source: &'a str,
    /// What signs for it.
    pub(crate) secret: &'a str,
}

impl Told<'_> {
    /// Writes `assay.toml` and the secrets that it names into a folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let pair = tlog::key::generate(ORIGIN).context("make a key for the log")?;
        for (name, text) in [
            ("webhook", self.secret),
            ("pseudonym", "a key of the load test, thirty-two bytes"),
            ("master", "a master key of the load test, 32 bytes or more"),
            ("log-signing", &pair.signer),
            ("log-verifier", &pair.verifier),
        ] {
            std::fs::write(folder.join(name), text)?;
        }
        users::write(self.keys, folder).context("write the keys at NATS")?;
        let settings = format!(
            include_str!("assay.toml"),
            nats = self.nats,
            monitoring = self.monitoring,
            postgres = self.owner_url.replacen(OWNER, ROLE_PLACEHOLDER, 1),
            folder = folder.display(),
            fetch = self.fetch,
            origin = ORIGIN,
            source = self.source,
        );
        std::fs::write(folder.join("assay.toml"), settings).context("write the settings")
    }
}
