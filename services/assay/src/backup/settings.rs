//! Owns the settings as a backup keeps them: where secrets are, and no secret.

use anyhow::Context as _;
use process::settings::Settings;

/// The settings as a file. They name the files and variables of secrets; the form of the settings
/// has no place for a secret itself.
pub(crate) fn text(settings: &Settings) -> anyhow::Result<String> {
    let settings = toml::to_string(settings).context("write the settings")?;
    Ok(format!(
        "# The settings when the backup was made. Secrets are not in them: only where they were.\n\
         {settings}"
    ))
}
