//! Owns what is sent to, and where it can be looked at.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::machine::Watched;

/// What is sent to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where webhooks are posted.
    pub url: String,
    /// The source's name.
    pub source: String,
    /// What signs for it.
    pub secret: Vec<u8>,
    /// The ledger, as a role that may read it; without it nothing is checked.
    pub ledger: Option<String>,
    /// The monitoring of NATS; without it no backlog is shown.
    pub monitor: Option<String>,
    /// The processes whose use is shown.
    pub watched: Vec<Watched>,
}

/// Somebody else's house, as the command line names it.
#[derive(Clone, Debug, clap::Args)]
pub struct Elsewhere {
    /// Where webhooks are posted, http://host/hooks/<source>; without it a house is started.
    #[arg(long, value_name = "URL", requires = "secret_file")]
    pub url: Option<String>,
    /// The file with the source's secret.
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// The ledger, postgres://assay_reader@host/assay: without it nothing is checked.
    #[arg(long, value_name = "URL", env = "ASSAY_LEDGER", hide_env_values = true)]
    pub ledger: Option<String>,
    /// The monitoring of NATS, http://host:8222, for the backlog.
    #[arg(long, value_name = "URL")]
    pub monitor: Option<String>,
}

impl Elsewhere {
    /// The house that is named, if one is.
    ///
    /// # Errors
    /// A secret that cannot be read, or a URL without a source.
    pub fn target(&self) -> Result<Option<Target>> {
        let Some(url) = &self.url else {
            return Ok(None);
        };
        let file = self
            .secret_file
            .as_ref()
            .context("--url needs --secret-file")?;
        let secret = std::fs::read_to_string(file);
        let secret = secret.with_context(|| format!("read {}", file.display()))?;
        let source = url
            .rsplit_once("/hooks/")
            .map(|(_, source)| source.to_owned());
        let source = source.filter(|source| !source.is_empty());
        Ok(Some(Target {
            url: url.clone(),
            source: source.context("--url ends with /hooks/<source>")?,
            secret: secret.trim_end().as_bytes().to_vec(),
            ledger: self.ledger.clone(),
            monitor: self.monitor.clone(),
            watched: Vec::new(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_house_of_ones_own_needs_a_source_in_its_url() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "a secret\n").unwrap();
        let elsewhere = |url: &str| Elsewhere {
            url: Some(url.to_owned()),
            secret_file: Some(file.clone()),
            ledger: None,
            monitor: None,
        };
        let target = elsewhere("https://assay.example/hooks/github").target();
        let target = target.unwrap().unwrap();
        assert_eq!(
            (target.source.as_str(), target.secret.as_slice()),
            ("github", &b"a secret"[..])
        );
        assert!(elsewhere("https://assay.example/").target().is_err());
        let none = Elsewhere {
            url: None,
            ..elsewhere("")
        };
        assert!(none.target().unwrap().is_none());
    }
}
