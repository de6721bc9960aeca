//! Owns the forms in which a step reports its tests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::pattern::{BadPattern, TreeFile};

/// How a step says which tests passed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ReportForm {
    /// It names no tests: exit code 0 is a pass.
    ExitCode,
    /// TAP 13 or 14 on its standard output.
    Tap,
    /// JUnit XML in a file that it writes.
    Junit(TreeFile),
}

impl ReportForm {
    /// Whether the step names tests.
    pub const fn names_tests(&self) -> bool {
        match self {
            Self::ExitCode => false,
            Self::Tap | Self::Junit(_) => true,
        }
    }
}

/// Why a report form was refused.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum BadReport {
    /// It is none of the three.
    #[error("{0:?} is no report form")]
    Unknown(String),
    /// The file's path is refused.
    #[error("{0}")]
    Path(BadPattern),
}

impl FromStr for ReportForm {
    type Err = BadReport;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "exit-code" => Ok(Self::ExitCode),
            None if text == "tap" => Ok(Self::Tap),
            Some(("junit", path)) => TreeFile::try_from(path.to_owned())
                .map(Self::Junit)
                .map_err(BadReport::Path),
            _ => Err(BadReport::Unknown(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ReportForm {
    type Error = BadReport;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ReportForm> for String {
    fn from(form: ReportForm) -> Self {
        form.to_string()
    }
}

impl fmt::Display for ReportForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExitCode => f.write_str("exit-code"),
            Self::Tap => f.write_str("tap"),
            Self::Junit(path) => write!(f, "junit:{}", path.as_str()),
        }
    }
}
