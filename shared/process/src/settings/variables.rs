//! Owns the reading of settings from variables: `ASSAY__SECTION__KEY` is `section.key`.

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};

use crate::settings::origin::{VARIABLE_PREFIX, VARIABLE_SEPARATOR, VARIABLES};

/// Variables as settings. Names are read in lower case; a value is a number, a boolean, a text, or
/// an array or table as TOML writes them inline.
#[derive(Clone, Default)]
pub(crate) struct Variables(Vec<(String, String)>);

impl Variables {
    /// Takes those of `variables` that are meant for settings.
    pub(crate) fn among(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let meant = |(name, value): (String, String)| {
            let path = name.strip_prefix(VARIABLE_PREFIX)?.to_ascii_lowercase();
            Some((path, value))
        };
        Self(variables.into_iter().filter_map(meant).collect())
    }
}

impl Provider for Variables {
    fn metadata(&self) -> Metadata {
        Metadata::named(VARIABLES)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut root = Dict::new();
        for (path, text) in &self.0 {
            let parts: Vec<_> = path.split(VARIABLE_SEPARATOR).collect();
            let Ok(value) = text.parse::<Value>();
            put(&mut root, &parts, value);
        }
        Ok(Profile::Default.collect(root))
    }
}

fn put(dict: &mut Dict, path: &[&str], value: Value) {
    let [first, rest @ ..] = path else { return };
    if rest.is_empty() {
        dict.insert((*first).to_owned(), value);
        return;
    }
    let below = dict
        .entry((*first).to_owned())
        .or_insert_with(|| Value::from(Dict::new()));
    if below.as_dict().is_none() {
        *below = Value::from(Dict::new());
    }
    if let Value::Dict(_, below) = below {
        put(below, rest, value);
    }
}
