//! Owns the settings of what identifies people: the keys, by where they are, and the rules of how
//! long what is theirs is kept.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::settings::Settings;
use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// Shortest master key, in bytes.
pub const MASTER_KEY_BYTES_MIN: usize = 32;
/// Longest id of a master key, in bytes.
pub const MASTER_KEY_ID_BYTES_MAX: usize = 64;
/// Longest time that a rule may say, in days: a hundred years.
pub const RETENTION_DAYS_MAX: u32 = 36_500;

/// `[privacy]`
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Privacy {
    /// The file with the key that accounts are turned into pseudonyms with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudonym_key_file: Option<PathBuf>,
    /// The keys that wrap people's keys: the first wraps new ones, the others are still read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub master_keys: Vec<MasterKey>,
}

/// `[[privacy.master_keys]]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterKey {
    /// Its id: rows say which one wraps them.
    pub id: String,
    /// The file that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The variable that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
}

/// A master key with its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadedMasterKey {
    /// Its id.
    pub id: String,
    /// Its value.
    pub secret: Secret,
}

/// `[retention]`: how long things are kept where a lab says nothing; for ever where nobody does.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Days that raw webhook bodies are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_bodies_days: Option<u32>,
    /// Days that logs of verifications are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs_days: Option<u32>,
    /// Days that snapshots are kept after their last use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshots_days: Option<u32>,
    /// Whether what is due goes by itself, once a day; else by `assay retention run` alone.
    pub daily: bool,
}

impl Privacy {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        let mut ids = BTreeSet::new();
        for (at, key) in self.master_keys.iter().enumerate() {
            let refuse = |what: &str, reason: String| {
                let setting = format!("privacy.master_keys.{at}.{what}");
                Err(check.refused(&setting, reason))
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            let fits = (1..=MASTER_KEY_ID_BYTES_MAX).contains(&key.id.len());
            if !fits || !key.id.chars().all(plain) {
                let reason = format!(
                    "expected 1 to {MASTER_KEY_ID_BYTES_MAX} of a-z, A-Z, 0-9, '-' and '_'"
                );
                return refuse("id", reason);
            }
            if !ids.insert(&key.id) {
                return refuse("id", "another master key has this id".to_owned());
            }
            if key.file.is_some() == key.env.is_some() {
                return refuse("file", "expected either file or env".to_owned());
            }
        }
        Ok(())
    }
}

impl Retention {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        let days = [
            ("retention.raw_bodies_days", self.raw_bodies_days),
            ("retention.logs_days", self.logs_days),
            ("retention.snapshots_days", self.snapshots_days),
        ];
        for (setting, days) in days {
            if let Some(days) = days {
                check.number(setting, days, 1..=RETENTION_DAYS_MAX)?;
            }
        }
        Ok(())
    }
}

impl Settings {
    /// The keys that wrap people's keys, the one for new ones first.
    ///
    /// # Errors
    /// None is set, or one is not where the settings say, or too short.
    pub fn master_keys(&self) -> Result<Vec<LoadedMasterKey>, SettingsError> {
        if self.privacy.master_keys.is_empty() {
            let reason = "expected at least one [[privacy.master_keys]] with id and file: what \
                          identifies people is sealed with it (`assay keys` makes one)";
            return Err(self.check().refused("privacy.master_keys", reason));
        }
        let mut loaded = Vec::with_capacity(self.privacy.master_keys.len());
        for (at, key) in self.privacy.master_keys.iter().enumerate() {
            let setting = |what: &str| format!("privacy.master_keys.{at}.{what}");
            let (setting, read) = match (&key.file, &key.env) {
                (Some(file), _) => (setting("file"), Secret::from_file(file)),
                (None, Some(name)) => (setting("env"), Secret::from_variable(name)),
                (None, None) => (setting("file"), Err("is not set".to_owned())),
            };
            let long_enough = |secret: Secret| match secret.expose().len() {
                MASTER_KEY_BYTES_MIN.. => Ok(secret),
                _ => Err(format!("holds less than {MASTER_KEY_BYTES_MIN} bytes")),
            };
            let secret = read
                .and_then(long_enough)
                .map_err(|reason| self.check().refused(&setting, reason))?;
            loaded.push(LoadedMasterKey {
                id: key.id.clone(),
                secret,
            });
        }
        Ok(loaded)
    }
}
