//! Owns the words in which a setting is refused, and the checks that several sections share.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;

use url::Url;

use crate::settings::error::SettingsError;
use crate::settings::origin::Origins;

/// What a section is checked with.
pub(crate) struct Check<'a> {
    pub(crate) origins: &'a Origins,
}

impl Check<'_> {
    pub(crate) fn refused(&self, setting: &str, reason: impl Into<String>) -> SettingsError {
        SettingsError::Refused {
            setting: setting.to_owned(),
            origin: self.origins.of(setting),
            reason: reason.into(),
        }
    }

    pub(crate) fn number<T: PartialOrd + Display + Copy>(
        &self,
        setting: &str,
        value: T,
        range: RangeInclusive<T>,
    ) -> Result<(), SettingsError> {
        if range.contains(&value) {
            return Ok(());
        }
        let (low, high) = (range.start(), range.end());
        Err(self.refused(setting, format!("is {value}; expected {low} to {high}")))
    }

    pub(crate) fn folder(&self, setting: &str, folder: &Path) -> Result<(), SettingsError> {
        if folder.as_os_str().is_empty() {
            return Err(self.refused(setting, "is empty; expected the path of a folder"));
        }
        if folder.exists() && !folder.is_dir() {
            return Err(self.refused(setting, "names something that is no folder"));
        }
        Ok(())
    }

    /// A URL of one of `schemes`, with a host and without a password.
    pub(crate) fn url(
        &self,
        setting: &str,
        text: &str,
        schemes: &[&str],
    ) -> Result<(), SettingsError> {
        let expected = || {
            format!(
                "expected a URL that begins with {}://",
                schemes.join(":// or ")
            )
        };
        let Ok(url) = Url::parse(text) else {
            return Err(self.refused(setting, expected()));
        };
        if !schemes.contains(&url.scheme()) || !url.has_host() {
            return Err(self.refused(setting, expected()));
        }
        if url.password().is_some() {
            return Err(self.refused(
                setting,
                "holds a password; expected it in a file of its own",
            ));
        }
        Ok(())
    }
}
