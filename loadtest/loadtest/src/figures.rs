//! Owns a figure: a number with its unit and what it must be, and the files that benches hand theirs
//! over in.

pub mod expected;
pub mod summary;

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// A measured number, or why there is none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// What it is, as `<crate or part>.<figure>`.
    pub id: String,
    /// The number; `None` where it could not be measured.
    pub value: Option<f64>,
    /// Its unit: `ratio`, `1/s`, `ms`, `MiB`, `%`.
    pub unit: String,
    /// What it must be, where something is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub must: Option<Must>,
    /// Why there is no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A bound, itself allowed.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Must {
    /// More is better.
    AtLeast(f64),
    /// Less is better.
    AtMost(f64),
}

impl Must {
    /// Whether a number is what it must be.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl fmt::Display for Must {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, ">= {least}"),
            Self::AtMost(most) => write!(f, "<= {most}"),
        }
    }
}

impl Figure {
    /// A number that was measured.
    pub fn measured(id: &str, value: f64, unit: &str) -> Self {
        Self {
            id: id.to_owned(),
            value: value.is_finite().then_some(value),
            unit: unit.to_owned(),
            must: None,
            reason: (!value.is_finite()).then(|| "nothing was measured".to_owned()),
        }
    }
}

/// Reads a file of figures.
///
/// # Errors
/// If it cannot be read, or is no list of figures.
pub fn read(file: &Path) -> Result<Vec<Figure>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("understand {}", file.display()))
}

/// Writes a file of figures.
///
/// # Errors
/// If it cannot be written.
pub fn write(file: &Path, figures: &[Figure]) -> Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let text = serde_json::to_string_pretty(figures).context("write figures")?;
    std::fs::write(file, text + "\n").with_context(|| format!("write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_itself_allowed() {
        for (must, value, holds) in [
            (Must::AtLeast(0.6), 0.6, true),
            (Must::AtLeast(0.6), 0.59, false),
            (Must::AtMost(25.0), 25.0, true),
            (Must::AtMost(25.0), 25.1, false),
        ] {
            assert_eq!(must.holds(value), holds, "{value} {must}");
        }
    }

    #[test]
    fn a_benchs_file_reads_as_the_readme_has_it() {
        let readme = include_str!("../README.md");
        let example = readme.split("```json\n").nth(1).unwrap();
        let example = example.split("```").next().unwrap();
        let figures: Vec<Figure> = serde_json::from_str(example).unwrap();
        assert_eq!(figures[0].must, Some(Must::AtLeast(20_000.0)));
        assert_eq!(figures[1].value, None);
    }
}
