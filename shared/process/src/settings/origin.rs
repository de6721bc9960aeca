//! Owns where the value of a setting came from.

use std::fmt;
use std::path::PathBuf;

use figment::{Figment, Metadata, Source};

use crate::settings::reread::Recipe;

/// The prefix of the variables that override settings.
pub const VARIABLE_PREFIX: &str = "ASSAY__";
/// What stands between a section and a key in such a variable.
pub const VARIABLE_SEPARATOR: &str = "__";

/// How figment names values that came from variables.
pub(crate) const VARIABLES: &str = "environment variables";

/// Where the value of a setting came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// This settings file.
    File(PathBuf),
    /// This environment variable.
    Variable(String),
    /// The program itself, which started what the setting names.
    Program,
}

impl Origin {
    pub(crate) fn of_metadata(metadata: Option<&Metadata>, path: &[String]) -> Self {
        match metadata {
            None => Self::Default,
            Some(Metadata {
                source: Some(Source::File(file)),
                ..
            }) => Self::File(file.clone()),
            Some(metadata) if metadata.name == VARIABLES => {
                let name = path.join(VARIABLE_SEPARATOR).to_ascii_uppercase();
                Self::Variable(format!("{VARIABLE_PREFIX}{name}"))
            }
            Some(_) => Self::Program,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("not set"),
            Self::File(file) => write!(f, "in {}", file.display()),
            Self::Variable(name) => write!(f, "in the variable {name}"),
            Self::Program => f.write_str("set by the program"),
        }
    }
}

/// The values of the settings with their origins, and how to read them again. It is no part of what
/// settings say: any two are equal, and none shows itself.
#[derive(Clone, Default)]
pub(crate) struct Origins {
    pub(crate) values: Figment,
    pub(crate) recipe: Recipe,
}

impl Origins {
    pub(crate) fn of(&self, setting: &str) -> Origin {
        let path: Vec<_> = setting.split('.').map(str::to_owned).collect();
        // figment does not look into lists: what stands in one came from where the list did.
        let known = path
            .iter()
            .take_while(|part| part.parse::<usize>().is_err());
        let known: Vec<_> = known.cloned().collect();
        Origin::of_metadata(self.values.find_metadata(&known.join(".")), &known)
    }
}

impl PartialEq for Origins {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origins")
    }
}
