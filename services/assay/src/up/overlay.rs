//! Owns the settings of `assay up`: what nobody set is filled with what the house itself starts.

use std::path::Path;

use process::settings::Settings;
use process::settings::error::SettingsError;
use process::settings::origin::Origin;
use serde::Serialize;
use serde_json::json;

use crate::say::say;
use crate::up::keys::Keys;

/// The source that is there when none is configured.
pub(crate) const SOURCE: &str = "github";
/// The id of the master key that the house makes.
const MASTER_KEY: &str = "first";
/// Where its repositories are fetched from.
const FETCH_URL: &str = "https://github.com/{full_name}.git";

/// Whether nobody set it.
pub(crate) fn is_free(settings: &Settings, setting: &str) -> bool {
    settings.origin(setting) == Origin::Default
}

/// Sets what nobody set.
fn fill(
    settings: Settings,
    setting: &str,
    value: impl Serialize,
) -> Result<Settings, SettingsError> {
    if is_free(&settings, setting) {
        settings.with(setting, value)
    } else {
        Ok(settings)
    }
}

/// Logs as text: `assay up` is looked at by people.
pub(crate) fn readable_logs(settings: Settings) -> Result<Settings, SettingsError> {
    fill(settings, "telemetry.log", "text")
}

/// The folders, keys and the source, below the data folder.
pub(crate) fn folders_and_keys(
    mut settings: Settings,
    data: &Path,
    scratch: &Path,
    keys: &Keys,
) -> Result<Settings, SettingsError> {
    settings = fill(settings, "objects.folder", data.join("objects"))?;
    // The data folder is kept from one start to the next: that is what persistent means.
    if is_free(&settings, "ingest.spool.folder") {
        settings = settings.with("ingest.spool.folder", data.join("spool"))?;
        settings = fill(settings, "ingest.spool.persistent", true)?;
    }
    settings = fill(settings, "snapshots.cache_folder", data.join("git-cache"))?;
    settings = fill(settings, "verifier.scratch_folder", scratch)?;
    settings = fill(settings, "log.signing_key_file", &keys.log_signing)?;
    if is_free(&settings, "log.verifier_key") {
        settings = fill(settings, "log.verifier_key_file", &keys.log_verifier)?;
    }
    settings = fill(settings, "privacy.pseudonym_key_file", &keys.pseudonym)?;
    if settings.privacy.master_keys.is_empty() {
        let first = json!([{ "id": MASTER_KEY, "file": keys.master }]);
        settings = settings.with("privacy.master_keys", first)?;
    }
    if settings.sources.is_empty() {
        let source = json!({
            "provider": "github",
            "fetch_url": FETCH_URL,
            "secrets": [{ "name": "first", "file": keys.webhook }],
        });
        settings = settings.with(&format!("sources.{SOURCE}"), source)?;
    }
    Ok(settings)
}

/// On a machine that cannot enforce every limit, waives them where nobody decided it, and says so:
/// `assay up` and the demo are for trials.
pub(crate) fn limits(settings: Settings) -> anyhow::Result<Settings> {
    const WAIVER: &str = "verifier.dangerously_run_without_limits";
    if !is_free(&settings, WAIVER) {
        return Ok(settings);
    }
    let site = verifier::run::site(&settings.verifier);
    let Some(lacking) = verifier::sandbox::means::lacking(site)? else {
        return Ok(settings);
    };
    say!("This machine cannot enforce every limit on strangers' code: {lacking}.");
    say!("It runs without them. Set {WAIVER} = false to have it refused.");
    Ok(settings.with(WAIVER, true)?)
}
