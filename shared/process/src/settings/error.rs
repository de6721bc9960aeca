//! Owns why settings were refused: which setting, where its value came from, what is expected.
//! Must never show a value: it may be a secret in the wrong place.

use std::fmt;
use std::io;
use std::path::PathBuf;

use figment::error::Kind;
use thiserror::Error;

use crate::settings::origin::Origin;

/// Why settings were refused. A program that gets it ends with
/// [`crate::exit::BAD_SETTING`].
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The settings file cannot be read.
    #[error("read the settings file {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The settings file is no TOML.
    #[error("{}:{line}: {reason}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says; nothing of the line itself.
        reason: String,
    },
    /// A setting is bad, missing or unknown.
    #[error("setting {setting} ({origin}): {reason}")]
    Refused {
        /// The setting by its dotted path, `nats.url` for instance.
        setting: String,
        /// Where its value came from.
        origin: Origin,
        /// What is wrong and what is expected.
        reason: String,
    },
}

impl SettingsError {
    /// Puts an extraction's error into words of our own, since figment's would show the value.
    pub(crate) fn from_figment(err: &figment::Error) -> Self {
        let mut path = err.path.clone();
        let reason = match &err.kind {
            Kind::UnknownField(field, expected) => {
                // Some readers put the unknown name at the end of the path, some do not.
                if path.last() != Some(field) {
                    path.push(field.clone());
                }
                format!("is not known; expected {}", OneOf(expected))
            }
            Kind::MissingField(field) => {
                path.push(field.to_string());
                "is not set".to_owned()
            }
            Kind::DuplicateField(field) => format!("{field} is set twice"),
            Kind::UnknownVariant(_, expected) => format!("expected {}", OneOf(expected)),
            Kind::InvalidType(_, expected)
            | Kind::InvalidValue(_, expected)
            | Kind::InvalidLength(_, expected) => format!("expected {expected}"),
            Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => {
                "is out of the range of its type".to_owned()
            }
            Kind::Unsupported(_) | Kind::UnsupportedKey(..) => "is of no type we read".to_owned(),
            Kind::Message(message) => message.clone(),
        };
        let origin = Origin::of_metadata(err.metadata.as_ref(), &path);
        Self::Refused {
            setting: path.join("."),
            origin,
            reason,
        }
    }
}

struct OneOf(&'static [&'static str]);

impl fmt::Display for OneOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0 {
            return f.write_str(only);
        }
        write!(f, "one of {}", self.0.join(", "))
    }
}
