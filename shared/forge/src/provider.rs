//! Owns the list of providers: whose words a source speaks. The settings name it; it is never read
//! from a request, because some forges send the headers of others.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::signed;

/// Whose webhooks a source receives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// GitHub, hosted or own.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea.
    Gitea,
    /// Forgejo.
    Forgejo,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Whoever signs as the Standard Webhooks specification has it.
    StandardWebhooks,
}

/// The text names no provider.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not a provider: github, gitlab, gitea, forgejo, bitbucket or standard-webhooks")]
pub struct NotAProvider;

impl Provider {
    /// Every provider that has a name here.
    pub const ALL: [Self; 6] = [
        Self::Github,
        Self::Gitlab,
        Self::Gitea,
        Self::Forgejo,
        Self::Bitbucket,
        Self::StandardWebhooks,
    ];

    /// The word in settings and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Bitbucket => "bitbucket",
            Self::StandardWebhooks => "standard-webhooks",
        }
    }

    /// The events that bring pushes, in this provider's words: what a source takes in that says
    /// nothing else.
    pub const fn push_events(self) -> &'static [&'static str] {
        match self {
            Self::Github | Self::StandardWebhooks => &["push"],
            Self::Gitlab => &["Push Hook", "Tag Push Hook"],
            // A branch's deletion is an event of its own.
            Self::Gitea | Self::Forgejo => &["push", "delete"],
            Self::Bitbucket => &["repo:push"],
        }
    }

    /// Whether its deliveries can bear a timestamp that is signed.
    pub const fn signs_timestamps(self) -> bool {
        match self {
            Self::Gitlab | Self::StandardWebhooks => true,
            Self::Github | Self::Gitea | Self::Forgejo | Self::Bitbucket => false,
        }
    }

    /// Whether a source can use this secret. Whether it is the right one shows with a delivery.
    ///
    /// # Errors
    /// What is wrong with it; nothing of the secret itself.
    pub fn check_secret(self, secret: &[u8]) -> Result<(), &'static str> {
        let must_sign = match self {
            Self::StandardWebhooks => true,
            Self::Gitlab => signed::is_signing_secret(secret),
            Self::Github | Self::Gitea | Self::Forgejo | Self::Bitbucket => false,
        };
        match secret {
            [] => Err("is empty"),
            secret if must_sign => signed::check(secret),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Provider {
    type Err = NotAProvider;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.as_str() == text)
            .ok_or(NotAProvider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_reads_back_and_serde_uses_the_same_word() {
        for provider in Provider::ALL {
            assert_eq!(provider.as_str().parse(), Ok(provider));
            let json = serde_json::to_string(&provider).unwrap();
            assert_eq!(json, format!("{:?}", provider.as_str()));
        }
        assert_eq!("GitHub".parse::<Provider>(), Err(NotAProvider));
    }
}
