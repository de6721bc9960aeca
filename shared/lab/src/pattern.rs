//! Owns the patterns and paths that a lab names. None of them can leave the tree.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use contract::name::Repository;
use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bounds::PATTERN_BYTES_MAX;

/// Why a pattern or a path was refused.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum BadPattern {
    /// It is empty, longer than 512 bytes, or holds a control character.
    #[error("{0:?} is empty, too long, or holds a control character")]
    Text(String),
    /// It begins with `/`.
    #[error("{0:?} is an absolute path")]
    Absolute(String),
    /// A part of it is `..`.
    #[error("{0:?} leaves the tree")]
    Leaves(String),
    /// A part of it is empty or `.`: no file of a tree has such a name.
    #[error("{0:?} has an empty part or a part \".\", so that it matches nothing")]
    EmptyPart(String),
    /// It is no glob.
    #[error("{pattern:?} is not a pattern: {why}")]
    Glob {
        /// The text.
        pattern: String,
        /// What the glob's reader says.
        why: String,
    },
    /// It names no `source:owner/name`.
    #[error("{0:?} has no source, owner and name")]
    NotARepository(String),
    /// It is a pattern where one file is meant.
    #[error("{0:?} holds wildcards where one file is meant")]
    Wildcard(String),
}

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text, as the lab has it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadPattern;

            fn try_from(text: String) -> Result<Self, BadPattern> {
                $check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

text_newtype!(
    /// A glob over the paths of a tree. `*` and `?` do not cross `/`; `**` does.
    TreePattern,
    check_tree_pattern
);
text_newtype!(
    /// A glob over `source:owner/name`, without regard to case. `*` does not cross `/`.
    EnrolPattern,
    check_enrol_pattern
);
text_newtype!(
    /// The path of one file in a tree.
    TreeFile,
    check_tree_file
);

/// Patterns over the paths of a tree, ready to be asked.
#[derive(Clone, Debug)]
pub struct Patterns(Vec<GlobMatcher>);

impl Patterns {
    /// Makes the patterns ready.
    pub fn new(patterns: &[TreePattern]) -> Self {
        Self(patterns.iter().map(|p| compiled(&p.0, false)).collect())
    }

    /// Whether one of them matches the path.
    pub fn covers(&self, path: &[u8]) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        self.0.iter().any(|glob| glob.is_match(path))
    }
}

/// A lab's enrolment patterns, ready to be asked.
#[derive(Clone, Debug)]
pub struct Enrolment(Vec<GlobMatcher>);

impl Enrolment {
    /// Makes the patterns ready.
    pub fn new(patterns: &[EnrolPattern]) -> Self {
        Self(patterns.iter().map(|p| compiled(&p.0, true)).collect())
    }

    /// Whether a push to the repository may open a session by itself.
    pub fn admits(&self, repository: &Repository) -> bool {
        self.0.iter().any(|glob| glob.is_match(repository.as_str()))
    }
}

fn compiled(pattern: &str, any_case: bool) -> GlobMatcher {
    compile(pattern, any_case).expect("a pattern that does not compile is never built")
}

fn compile(pattern: &str, any_case: bool) -> Result<GlobMatcher, BadPattern> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .case_insensitive(any_case)
        .backslash_escape(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| BadPattern::Glob {
            pattern: pattern.to_owned(),
            why: error.kind().to_string(),
        })
}

fn check_text(text: &str) -> Result<(), BadPattern> {
    let length = 1..=PATTERN_BYTES_MAX;
    if length.contains(&text.len()) && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(BadPattern::Text(text.to_owned()))
    }
}

fn check_parts(text: &str) -> Result<(), BadPattern> {
    check_text(text)?;
    if text.starts_with('/') {
        return Err(BadPattern::Absolute(text.to_owned()));
    }
    // Alternatives are split too, so that `{a,../b}` is seen for what it is.
    if text
        .split(['/', '{', '}', ',', '\\'])
        .any(|part| part == "..")
    {
        return Err(BadPattern::Leaves(text.to_owned()));
    }
    if text.split('/').any(|part| part.is_empty() || part == ".") {
        return Err(BadPattern::EmptyPart(text.to_owned()));
    }
    Ok(())
}

fn check_tree_pattern(text: &str) -> Result<(), BadPattern> {
    check_parts(text)?;
    compile(text, false).map(drop)
}

fn check_tree_file(text: &str) -> Result<(), BadPattern> {
    check_parts(text)?;
    if text.contains(['*', '?', '[', '{', '\\']) {
        return Err(BadPattern::Wildcard(text.to_owned()));
    }
    Ok(())
}

fn check_enrol_pattern(text: &str) -> Result<(), BadPattern> {
    check_text(text)?;
    let named = text
        .split_once(':')
        .filter(|(source, path)| !source.is_empty() && !source.contains('/') && path.contains('/'))
        .is_some_and(|(_, path)| path.split('/').all(|part| !part.is_empty()));
    if !named {
        return Err(BadPattern::NotARepository(text.to_owned()));
    }
    compile(text, true).map(drop)
}

#[cfg(test)]
mod tests;
