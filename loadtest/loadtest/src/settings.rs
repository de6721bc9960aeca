//! Owns the settings and the secrets of a house of ours, as files.

use std::path::Path;

use anyhow::{Context as _, Result};
use process::settings::postgres::ROLE_PLACEHOLDER;
use servers::postgres::OWNER;

/// The log's name.
const ORIGIN: &str = "assay.test/loadtest";

/// What a house's settings are made of.
pub(crate) struct Told<'a> {
    /// Where NATS is.
    pub(crate) nats: String,
    /// Where its monitoring is.
    pub(crate) monitoring: String,
    /// The user and the password there.
    pub(crate) credentials: (String, String),
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
        let (user, password) = &self.credentials;
        let pair = tlog::key::generate(ORIGIN).context("make a key for the log")?;
        for (name, text) in [
            ("nats-password", password.as_str()),
            ("webhook", self.secret),
            ("pseudonym", "a key of the load test, thirty-two bytes"),
            ("master", "a master key of the load test, 32 bytes or more"),
            ("log-signing", &pair.signer),
            ("log-verifier", &pair.verifier),
        ] {
            std::fs::write(folder.join(name), text)?;
        }
        let settings = format!(
            include_str!("assay.toml"),
            nats = self.nats,
            monitoring = self.monitoring,
            postgres = self.owner_url.replacen(OWNER, ROLE_PLACEHOLDER, 1),
            folder = folder.display(),
            fetch = self.fetch,
            user = user,
            origin = ORIGIN,
            source = self.source,
        );
        std::fs::write(folder.join("assay.toml"), settings).context("write the settings")
    }
}
