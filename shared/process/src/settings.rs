//! Owns the settings of a process: one file with comments, overridden by variables, read and
//! checked before any port is opened.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use contract::name::SourceName;
use figment::Figment;
use figment::providers::{Format as _, Serialized, Toml};
use figment::value::Dict;
use serde::{Deserialize, Serialize};

use crate::settings::check::Check;
use crate::settings::error::SettingsError;
use crate::settings::log::Log;
use crate::settings::nats::Nats;
use crate::settings::origin::{Origin, Origins};
use crate::settings::postgres::Postgres;
use crate::settings::privacy::{Privacy, Retention};
use crate::settings::reconcile::Reconcile;
use crate::settings::reread::Recipe;
use crate::settings::snapshots::Snapshots;
use crate::settings::source::Source;
use crate::settings::status::Reporting;
use crate::settings::surface::{HealthPort, Http, Telemetry};
use crate::settings::work::{Ingest, Objects, Verifier, Writer};

pub mod bucket;
pub(crate) mod check;
pub mod error;
pub mod fetch;
pub mod log;
pub mod nats;
pub mod origin;
pub mod postgres;
pub mod privacy;
pub mod reconcile;
#[cfg(test)]
mod refusals;
pub mod reread;
pub mod secrets;
pub mod service;
pub mod settled;
pub mod snapshots;
pub mod source;
pub mod spool;
pub mod status;
pub mod surface;
#[cfg(test)]
mod tests;
pub mod tools;
mod variables;
pub mod work;

/// The settings file that is read when none is named and this one is there.
pub const FILE: &str = "assay.toml";

/// Everything that can be set.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The bus.
    pub nats: Nats,
    /// The ledger.
    pub postgres: Postgres,
    /// The object store.
    pub objects: Objects,
    /// Where webhooks are received.
    pub http: Http,
    /// Where a process says how it is.
    pub health: HealthPort,
    /// Who may send webhooks.
    pub sources: BTreeMap<SourceName, Source>,
    /// webhook-ingest.
    pub ingest: Ingest,
    /// attempt-writer.
    pub writer: Writer,
    /// snapshot-builder.
    pub snapshots: Snapshots,
    /// verifier.
    pub verifier: Verifier,
    /// reconciler.
    pub reconcile: Reconcile,
    /// status-reporter.
    pub status: Reporting,
    /// The tamper-evident log.
    pub log: Log,
    /// The keys of what identifies people.
    pub privacy: Privacy,
    /// How long things are kept.
    pub retention: Retention,
    /// Logs and traces.
    pub telemetry: Telemetry,
    #[serde(skip)]
    pub(crate) origins: Origins,
}

impl Settings {
    /// Reads `file`, or [`FILE`] if none is given and it is there, then the variables
    /// `ASSAY__SECTION__KEY` over it, and checks the form of everything.
    ///
    /// # Errors
    /// The first setting that is unknown, missing or malformed, with where it came from.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        let fallback = Path::new(FILE);
        let file = file.or_else(|| fallback.exists().then_some(fallback));
        let utf8 = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::load_from(file, std::env::vars_os().filter_map(utf8))
    }

    /// Reads `file`, if one is given, then `variables` over it, and checks the form of everything.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn load_from(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        Self::follow(Recipe::new(file, variables))
    }

    /// Reads what a recipe says, in its order.
    pub(crate) fn follow(recipe: Recipe) -> Result<Self, SettingsError> {
        let mut figment = Figment::new();
        if let Some(file) = &recipe.file {
            well_formed(file)?;
            figment = figment.merge(Toml::file_exact(file));
        }
        figment = figment.merge(recipe.variables.clone());
        for (setting, value) in &recipe.set {
            figment = figment.merge(Serialized::default(setting, value));
        }
        Self::read(figment, recipe)
    }

    /// Sets one setting, over whatever file and variables say: for a program that itself started
    /// what the setting names. `setting` is its dotted path.
    ///
    /// # Errors
    /// The settings do not hold with it.
    pub fn with(self, setting: &str, value: impl Serialize) -> Result<Self, SettingsError> {
        let Origins { values, mut recipe } = self.origins;
        let value = figment::value::Value::serialize(value)
            .map_err(|err| SettingsError::from_figment(&err))?;
        let values = values.merge(Serialized::default(setting, &value));
        recipe.set.push((setting.to_owned(), value));
        Self::read(values, recipe)
    }

    /// Where the value of a setting came from, by its dotted path.
    pub fn origin(&self, setting: &str) -> Origin {
        self.origins.of(setting)
    }

    fn read(values: Figment, recipe: Recipe) -> Result<Self, SettingsError> {
        let mut settings: Self = values
            .extract()
            .map_err(|err| SettingsError::from_figment(&err))?;
        settings.origins = Origins { values, recipe };
        settings.check_form()?;
        Ok(settings)
    }

    fn check_form(&self) -> Result<(), SettingsError> {
        let check = Check {
            origins: &self.origins,
        };
        self.nats.check(&check)?;
        self.postgres.check(&check)?;
        self.objects.check(&check)?;
        self.http.check(&check)?;
        for (name, source) in &self.sources {
            source.check(name, &check)?;
        }
        self.ingest.check(&check)?;
        self.writer.check(&check)?;
        self.snapshots.check(&check)?;
        self.verifier.check(&check)?;
        self.reconcile.check(&check)?;
        self.status.check(&check)?;
        self.log.check(&check)?;
        self.privacy.check(&check)?;
        self.retention.check(&check)?;
        self.telemetry.check(&check)
    }
}

/// Checks that the file is there and is TOML. figment would say it too, and show the line, on
/// which somebody may have written a secret.
fn well_formed(file: &Path) -> Result<(), SettingsError> {
    let text = std::fs::read_to_string(file).map_err(|source| SettingsError::Unreadable {
        file: file.to_owned(),
        source,
    })?;
    let Err(err) = Toml::from_str::<Dict>(&text) else {
        return Ok(());
    };
    let start = err.span().map_or(0, |span| span.start.min(text.len()));
    let line = 1 + text.as_bytes()[..start]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count();
    // The message's first line says what is wrong; further ones may quote.
    let reason = err
        .message()
        .lines()
        .next()
        .unwrap_or("is no TOML")
        .to_owned();
    Err(SettingsError::Syntax {
        file: file.to_owned(),
        line,
        reason,
    })
}
