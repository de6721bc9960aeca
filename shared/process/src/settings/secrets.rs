//! Owns the reading of secrets from where the settings say they are.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use contract::name::SourceName;
use url::Url;

use crate::secret::Secret;
use crate::settings::Settings;
use crate::settings::check::Check;
use crate::settings::error::SettingsError;
use crate::settings::nats::USER_PLACEHOLDER;
use crate::settings::postgres::{ROLE_PLACEHOLDER, Role};

/// Shortest secret of a source, in bytes: a shorter one can be guessed from one signed request.
pub const SOURCE_SECRET_BYTES_MIN: usize = 16;

/// A source's secret with its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadedSecret {
    /// Its name in the settings.
    pub name: String,
    /// Its value.
    pub secret: Secret,
    /// It signs nothing before.
    pub not_before: Option<DateTime<Utc>>,
    /// It signs nothing from then on.
    pub not_after: Option<DateTime<Utc>>,
}

/// As whom one connects to NATS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NatsLogin {
    /// Whoever signs with this key.
    Key {
        /// Its seed.
        seed: Secret,
    },
    /// This user.
    Password {
        /// Its name.
        user: String,
        /// Its password.
        password: Secret,
    },
}

impl LoadedSecret {
    /// Whether it may sign a delivery that is received at `now`.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.not_before.is_none_or(|from| from <= now) && self.not_after.is_none_or(|to| now < to)
    }
}

impl Settings {
    /// The URL as which `role` connects to Postgres, with its password if one is set.
    ///
    /// # Errors
    /// The password is not where the settings say.
    pub fn postgres_url(&self, role: Role) -> Result<Secret, SettingsError> {
        let text = self.postgres_url_without_password(role);
        let Some(password) = self.postgres_password(role)? else {
            return Ok(Secret::new(text));
        };
        let refuse = |reason| self.check().refused("postgres.password_file", reason);
        let password = password
            .expose_str()
            .ok_or_else(|| refuse("expected UTF-8"))?;
        let mut url = Url::parse(&text).map_err(|_| refuse("postgres.url is no URL"))?;
        url.set_password(Some(password))
            .map_err(|()| refuse("is set, but postgres.url has no place for it"))?;
        Ok(Secret::new(url.as_str()))
    }

    /// The same without its password: for programs that are told it in another way.
    pub fn postgres_url_without_password(&self, role: Role) -> String {
        self.postgres.url.replace(ROLE_PLACEHOLDER, role.as_str())
    }

    /// The password of `role` at Postgres, if one is set.
    ///
    /// # Errors
    /// It is not where the settings say.
    pub fn postgres_password(&self, role: Role) -> Result<Option<Secret>, SettingsError> {
        let file = self
            .postgres
            .password_file
            .as_deref()
            .map(|text| PathBuf::from(text.replace(ROLE_PLACEHOLDER, role.as_str())));
        let variable = self.postgres.password_env.as_deref();
        self.secret_at("postgres", "password", file, variable)
    }

    /// As whom `user`, a service or an operator's program, connects to NATS, if that is set.
    ///
    /// # Errors
    /// The key or the password is not where the settings say.
    pub fn nats_login(&self, user: &str) -> Result<Option<NatsLogin>, SettingsError> {
        let named = |text: &str| text.replace(USER_PLACEHOLDER, user);
        if let Some(file) = &self.nats.nkey_seed_file {
            let seed = self.needed("nats.nkey_seed_file", Some(PathBuf::from(named(file))))?;
            return Ok(Some(NatsLogin::Key { seed }));
        }
        let file = self.nats.password_file.as_ref();
        let file = file.map(|file| PathBuf::from(named(&file.to_string_lossy())));
        let variable = self.nats.password_env.as_deref();
        let password = self.secret_at("nats", "password", file, variable)?;
        let login = self.nats.user.as_deref().map(named).zip(password);
        Ok(login.map(|(user, password)| NatsLogin::Password { user, password }))
    }

    /// The secrets of a source with their values; none for a source that the settings do not have.
    ///
    /// # Errors
    /// A secret is not where the settings say.
    pub fn source_secrets(&self, source: &SourceName) -> Result<Vec<LoadedSecret>, SettingsError> {
        let Some(settings) = self.sources.get(source) else {
            return Ok(Vec::new());
        };
        let mut loaded = Vec::with_capacity(settings.secrets.len());
        for (at, secret) in settings.secrets.iter().enumerate() {
            let setting = |key| format!("sources.{source}.secrets.{at}.{key}");
            let (setting, read) = match (&secret.file, &secret.env) {
                (Some(file), _) => (setting("file"), Secret::from_file(file)),
                (None, Some(name)) => (setting("env"), Secret::from_variable(name)),
                (None, None) => (setting("file"), Err("is not set".to_owned())),
            };
            let long_enough = |secret: Secret| match secret.expose().len() {
                SOURCE_SECRET_BYTES_MIN.. => Ok(secret),
                _ => Err(format!(
                    "holds less than {SOURCE_SECRET_BYTES_MIN} bytes; expected a secret that \
                     nobody guesses"
                )),
            };
            let usable = |secret: Secret| match settings.provider.check_secret(secret.expose()) {
                Ok(()) => Ok(secret),
                Err(reason) => Err(reason.to_owned()),
            };
            let value = read
                .and_then(long_enough)
                .and_then(usable)
                .map_err(|reason| self.check().refused(&setting, reason))?;
            loaded.push(LoadedSecret {
                name: secret.name.clone(),
                secret: value,
                not_before: secret.not_before,
                not_after: secret.not_after,
            });
        }
        Ok(loaded)
    }

    /// The token for a source's API, if one is set.
    ///
    /// # Errors
    /// It is not where the settings say.
    pub fn api_token(&self, source: &SourceName) -> Result<Option<Secret>, SettingsError> {
        let Some(api) = self.sources.get(source).and_then(|s| s.api.as_ref()) else {
            return Ok(None);
        };
        let section = format!("sources.{source}.api");
        let variable = api.token_env.as_deref();
        self.secret_at(&section, "token", api.token_file.clone(), variable)
    }

    /// The key that signs checkpoints.
    ///
    /// # Errors
    /// It is not set, or not where the settings say.
    pub fn log_signing_key(&self) -> Result<Secret, SettingsError> {
        self.needed("log.signing_key_file", self.log.signing_key_file.clone())
    }

    /// The key that is to sign checkpoints from the next change on; `None` when it is not set.
    ///
    /// # Errors
    /// It is not where the settings say.
    pub fn log_next_signing_key(&self) -> Result<Option<Secret>, SettingsError> {
        let set = self.log.next_signing_key_file.clone();
        set.map(|file| self.needed("log.next_signing_key_file", Some(file)))
            .transpose()
    }

    /// The key that checks checkpoints, as text; `None` when neither it nor its file is set.
    ///
    /// # Errors
    /// It is not where the settings say.
    pub fn log_verifier_key(&self) -> Result<Option<String>, SettingsError> {
        let Some(file) = &self.log.verifier_key_file else {
            return Ok(self.log.verifier_key.clone());
        };
        let refuse = |reason: String| self.check().refused("log.verifier_key_file", reason);
        let key = Secret::from_file(file).map_err(refuse)?;
        let text = key
            .expose_str()
            .ok_or_else(|| refuse("expected UTF-8".to_owned()))?;
        Ok(Some(text.trim().to_owned()))
    }

    /// The key that accounts are turned into pseudonyms with.
    ///
    /// # Errors
    /// It is not set, or not where the settings say.
    pub fn pseudonym_key(&self) -> Result<Secret, SettingsError> {
        self.needed(
            "privacy.pseudonym_key_file",
            self.privacy.pseudonym_key_file.clone(),
        )
    }

    /// Why a setting does not hold whose value only its user can judge. `reason` shows nothing of
    /// it.
    pub fn refused(&self, setting: &str, reason: impl Into<String>) -> SettingsError {
        self.check().refused(setting, reason)
    }

    pub(crate) fn check(&self) -> Check<'_> {
        Check {
            origins: &self.origins,
        }
    }

    fn needed(&self, setting: &str, file: Option<PathBuf>) -> Result<Secret, SettingsError> {
        let refuse = |reason: String| self.check().refused(setting, reason);
        let file = file.ok_or_else(|| refuse("expected the path of a file with the key".into()))?;
        Secret::from_file(&file).map_err(refuse)
    }

    /// The secret that `<section>.<stem>_file` or `<section>.<stem>_env` names, if one of them is
    /// set.
    pub(crate) fn secret_at(
        &self,
        section: &str,
        stem: &str,
        file: Option<PathBuf>,
        variable: Option<&str>,
    ) -> Result<Option<Secret>, SettingsError> {
        let (key, read) = match (file, variable) {
            (None, None) => return Ok(None),
            (Some(file), None) => ("file", Secret::from_file(&file)),
            (None, Some(name)) => ("env", Secret::from_variable(name)),
            (Some(_), Some(_)) => (
                "file",
                Err(format!(
                    "is set beside {section}.{stem}_env; expected one of them"
                )),
            ),
        };
        let setting = format!("{section}.{stem}_{key}");
        read.map(Some)
            .map_err(|reason| self.check().refused(&setting, reason))
    }
}
