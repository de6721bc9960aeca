//! Owns what can go wrong with git, in the words of those who preserve trees.

use thiserror::Error;

/// What can go wrong with git.
#[derive(Debug, Error)]
pub enum GitError {
    /// The origin has no such commit; it may well have others.
    #[error("the forge has no such commit")]
    NoSuchCommit,
    /// The origin gives nothing: no answer, no such repository.
    #[error("{detail}")]
    SourceUnavailable {
        /// Why, for people; free of URLs and of credentials.
        detail: String,
    },
    /// What the origin gives is beyond what may be kept.
    #[error("{detail}")]
    Refused {
        /// What and where, for people.
        detail: String,
    },
    /// What is in the cache does not read.
    #[error("{action} in the cache: {said}")]
    Corrupt {
        /// What was done.
        action: &'static str,
        /// What git said.
        said: String,
    },
    /// This machine stands in the way: no git program, no disk.
    #[error("{action}")]
    Machine {
        /// What was done.
        action: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Another process held the repository's cache for too long.
    #[error("another process holds the repository's cache")]
    Busy,
}

impl GitError {
    /// Whether the same call may succeed later with nobody changing anything, and it says nothing
    /// of the origin or the commit.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Machine { .. } | Self::Busy => true,
            Self::NoSuchCommit
            | Self::SourceUnavailable { .. }
            | Self::Refused { .. }
            | Self::Corrupt { .. } => false,
        }
    }

    /// Names what was done when this machine stood in the way.
    pub fn machine(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Machine { action, source }
    }

    /// What stays unexplained where no cache is, or after it was made anew, lies with the origin.
    #[must_use]
    pub fn or_unavailable(self) -> Self {
        match self {
            Self::Corrupt { said, .. } => Self::SourceUnavailable { detail: said },
            other => other,
        }
    }
}
