//! Owns reading the settings a second time: the same file, variables and values of the program, as
//! they are now.

use std::path::{Path, PathBuf};

use contract::name::SourceName;
use figment::value::Value;

use crate::settings::Settings;
use crate::settings::error::SettingsError;
use crate::settings::source::Source;
use crate::settings::variables::Variables;

/// What settings were made of, in the order in which one overrides the other.
#[derive(Clone, Default)]
pub(crate) struct Recipe {
    pub(crate) file: Option<PathBuf>,
    pub(crate) variables: Variables,
    /// What the program itself set.
    pub(crate) set: Vec<(String, Value)>,
}

impl Recipe {
    pub(crate) fn new(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self {
            file: file.map(Path::to_owned),
            variables: Variables::among(variables),
            set: Vec::new(),
        }
    }
}

impl Settings {
    /// Reads the settings again from where these came from. Variables are those of the first time:
    /// a process's own do not change.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn reread(&self) -> Result<Self, SettingsError> {
        Self::follow(self.origins.recipe.clone())
    }

    /// The settings of a source. One that is not known may have been added since these were read:
    /// webhook-ingest takes in what is added while it runs, so whoever works on its deliveries
    /// reads again before it says that there is no such source.
    pub fn source(&self, name: &SourceName) -> Option<Source> {
        let known = self.sources.get(name).cloned();
        known.or_else(|| self.reread().ok()?.sources.remove(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::FILE;

    #[test]
    fn settings_are_read_again_with_what_overrides_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let write = |slots: &str, fetch: u32, batch: u32| {
            let text = format!(
                "[verifier]\nslots = {slots}\n[snapshots]\nfetch_seconds_max = {fetch}\n\
                 [writer]\nbatch_deliveries_max = {batch}\n"
            );
            std::fs::write(&path, text).unwrap();
        };
        write("3", 3, 3);
        let variables = [("ASSAY__WRITER__BATCH_DELIVERIES_MAX", "7")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings::load_from(Some(&path), variables).unwrap();
        let settings = settings.with("snapshots.fetch_seconds_max", 9).unwrap();
        let said = |settings: &Settings| {
            (
                settings.verifier.slots,
                settings.snapshots.fetch_seconds_max,
                settings.writer.batch_deliveries_max,
            )
        };
        assert_eq!(said(&settings), (Some(3), 9, 7));
        write("4", 4, 4);
        let again = settings.reread().unwrap();
        assert_eq!(said(&again), (Some(4), 9, 7));
        assert_eq!(
            again.origin("verifier.slots"),
            settings.origin("verifier.slots")
        );
        // What was read before is not changed by what is read now.
        assert_eq!(said(&settings), (Some(3), 9, 7));
        write("\"none\"", 4, 4);
        let refused = settings.reread().unwrap_err().to_string();
        assert!(
            refused.starts_with("setting verifier.slots (in "),
            "{refused}"
        );
        std::fs::remove_file(&path).unwrap();
        assert!(settings.reread().is_err());
    }

    #[test]
    fn a_source_that_was_added_is_found_and_one_that_was_not_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, "").unwrap();
        let settings = Settings::load_from(Some(&path), []).unwrap();
        let name = "github".parse().unwrap();
        assert_eq!(settings.source(&name), None);
        std::fs::write(&path, crate::settings::tests::SOURCE).unwrap();
        let found = settings.source(&name).unwrap();
        assert_eq!(found.fetch_url, "https://github.com/{full_name}.git");
        // What was known stays known, whatever is read now.
        let settings = Settings::load_from(Some(&path), []).unwrap();
        std::fs::write(&path, "no settings").unwrap();
        assert_eq!(settings.source(&name), Some(found));
        assert_eq!(settings.source(&"other".parse().unwrap()), None);
    }
}
