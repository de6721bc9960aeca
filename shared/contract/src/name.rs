//! Owns the names that come from outside and travel in subjects, columns and folders.
//! A name that could not be a subject token cannot be built.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest source name, actor or slug, in bytes.
pub const TOKEN_BYTES_MAX: usize = 64;
/// Longest repository path (without its source), in bytes.
pub const REPOSITORY_BYTES_MAX: usize = 256;

/// Why a name was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadName {
    /// The token is empty, too long, or holds a character that a subject cannot carry safely.
    #[error("{0:?} is not 1 to 64 of the characters a-z, A-Z, 0-9, '-' and '_'")]
    Token(String),
    /// The tool's name is empty, too long, begins with a dot, or could not be a folder's.
    #[error("{0:?} is not 1 to 64 of the characters a-z, A-Z, 0-9, '-', '_' and '.'")]
    Tool(String),
    /// The repository is not written `source:owner/name`.
    #[error("{0:?} is not a repository written source:owner/name")]
    Repository(String),
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $holds:path, $bad:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The token as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                if $holds(&text) { Ok(Self(text)) } else { Err($bad(text)) }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

token!(
    /// A configured source of webhooks.
    SourceName, is_token, BadName::Token
);
token!(
    /// Who gave a command: the token that the broker's permissions bind to a credential.
    Actor, is_token, BadName::Token
);
token!(
    /// A lab's short name, which people type.
    Slug, is_token, BadName::Token
);
token!(
    /// A folder of tools that a verifier has and a lab may name: `python-3.11`.
    ToolName, is_tool, BadName::Tool
);

fn is_token(text: &str) -> bool {
    (1..=TOKEN_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_tool(text: &str) -> bool {
    (1..=TOKEN_BYTES_MAX).contains(&text.len()) && is_path_part(text)
}

/// A repository of a source, written `source:owner/name` (GitLab: `source:group/sub/name`).
/// Held in lower case, because forges compare names without case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Repository {
    text: String,
    colon: usize,
}

impl Repository {
    /// Joins a source and the forge's full name of a repository.
    ///
    /// # Errors
    /// [`BadName::Repository`] if the full name has no owner, a part that is empty or begins with
    /// a dot, or a character outside `A-Za-z0-9._-`.
    pub fn new(source: &SourceName, full_name: &str) -> Result<Self, BadName> {
        format!("{source}:{full_name}").parse()
    }

    /// The source's name.
    pub fn source(&self) -> SourceName {
        SourceName(self.text[..self.colon].to_owned())
    }

    /// The forge's full name of the repository: `owner/name`.
    pub fn full_name(&self) -> &str {
        &self.text[self.colon + 1..]
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Repository {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || BadName::Repository(text.to_owned());
        let (source, full_name) = text.split_once(':').ok_or_else(refused)?;
        let well_formed = is_token(source)
            && full_name.len() <= REPOSITORY_BYTES_MAX
            && full_name.split('/').count() >= 2
            && full_name.split('/').all(is_path_part);
        if !well_formed {
            return Err(refused());
        }
        let text = format!("{source}:{}", full_name.to_ascii_lowercase());
        Ok(Self {
            text,
            colon: source.len(),
        })
    }
}

fn is_path_part(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('.')
        && part
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

impl TryFrom<String> for Repository {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Repository> for String {
    fn from(repository: Repository) -> Self {
        repository.text
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A commit (or tag object) named by git: 40 or 64 lower-case hex digits, not all zero.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitSha(String);

/// The text is not a commit's SHA.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not a git object name of 40 or 64 hex digits")]
pub struct NotASha;

impl CommitSha {
    /// The SHA as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CommitSha {
    type Error = NotASha;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let hex = text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let zero = text.bytes().all(|b| b == b'0');
        if matches!(text.len(), 40 | 64) && hex && !zero {
            Ok(Self(text))
        } else {
            Err(NotASha)
        }
    }
}

impl FromStr for CommitSha {
    type Err = NotASha;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<CommitSha> for String {
    fn from(sha: CommitSha) -> Self {
        sha.0
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_name_is_a_folders_name_and_leads_nowhere() {
        for good in ["python-3.11", "node_20", "a", &"x".repeat(TOKEN_BYTES_MAX)] {
            assert_eq!(good.parse::<ToolName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "a b",
            "a:b",
            "é",
            &"x".repeat(TOKEN_BYTES_MAX + 1),
        ] {
            assert_eq!(bad.parse::<ToolName>(), Err(BadName::Tool(bad.to_owned())));
        }
    }

    #[test]
    fn a_token_cannot_carry_what_a_subject_would_read() {
        for good in ["github", "a", "A-b_9", &"x".repeat(64)] {
            assert!(good.parse::<SourceName>().is_ok(), "{good}");
        }
        for bad in ["", "*", ">", "a.b", "a b", "a\r\nb", "é", &"x".repeat(65)] {
            assert!(bad.parse::<SourceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_repository_keeps_its_parts_and_leaves_no_folder() {
        let repository: Repository = "github:Octo-Org/Hello.World".parse().unwrap();
        assert_eq!(repository.as_str(), "github:octo-org/hello.world");
        assert_eq!(repository.source().as_str(), "github");
        assert_eq!(repository.full_name(), "octo-org/hello.world");
        assert!("gitlab:a/b/c".parse::<Repository>().is_ok());
        for bad in [
            "github",
            "github:",
            "github:a",
            "github:a/",
            "github:/a",
            "github:../a",
            "github:a/..",
            "github:a/.git",
            "github:a//b",
            "github:a/b c",
            "a.b:c/d",
            "x:a/b\n",
        ] {
            assert!(bad.parse::<Repository>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_sha_is_hex_of_either_length_and_never_all_zero() {
        for good in ["0".repeat(39) + "1", "a".repeat(64)] {
            assert!(good.parse::<CommitSha>().is_ok(), "{good}");
        }
        for bad in [
            "0".repeat(40),
            "0".repeat(64),
            "a".repeat(39),
            "A".repeat(40),
            "g".repeat(40),
        ] {
            assert!(bad.parse::<CommitSha>().is_err(), "{bad}");
        }
    }
}
