//! Owns what can go wrong with a forge's API, in the words of those who ask it.

use std::time::Duration;

use thiserror::Error;

/// What can go wrong.
#[derive(Debug, Error)]
pub enum ApiError {
    /// The address in the settings is none that can be asked.
    #[error("{0}")]
    Address(&'static str),
    /// The token is no header's value.
    #[error("the token holds what a header cannot carry")]
    Token,
    /// No answer: no connection, no name, no certificate that holds, or none in time.
    #[error("the forge's API cannot be reached: {0}")]
    Unreachable(String),
    /// We asked too often.
    #[error("the forge limits our rate for {} s", wait.as_secs())]
    Limited {
        /// How long to wait.
        wait: Duration,
    },
    /// There is no such thing, or it is hidden from our token.
    #[error("the forge has no {what}, or hides it from our token")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The forge refuses us, or has trouble of its own.
    #[error("the forge answers {status} for {what}")]
    Refused {
        /// The status.
        status: u16,
        /// What was asked for.
        what: String,
    },
    /// What was asked for is so already.
    #[error("{what} is so already")]
    Unmoved {
        /// What was asked for.
        what: String,
    },
    /// The answer is larger than we read, or not what the API's documentation says.
    #[error("the forge's answer for {what} does not read: {reason}")]
    Unreadable {
        /// What was asked for.
        what: String,
        /// Why.
        reason: String,
    },
}

impl ApiError {
    /// Whether the same question may be answered later with nobody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Limited { .. } => true,
            Self::Refused { status, .. } => *status >= 500,
            Self::Address(_)
            | Self::Token
            | Self::NotFound { .. }
            | Self::Unmoved { .. }
            | Self::Unreadable { .. } => false,
        }
    }
}
