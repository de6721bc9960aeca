//! Owns what an origin is reached with: a login, and which networks it may lie in.
//! No `Debug` of it shows a secret.

use std::fmt;
use std::path::PathBuf;

/// Longest user name or token, in bytes: both go through one pipe at once.
pub const LOGIN_BYTES_MAX: usize = 16 * 1024;

/// What an origin is reached with. Nothing of it is part of an origin's name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Access {
    /// As whom; nobody without.
    pub login: Option<Login>,
    /// Where its host may be.
    pub network: Network,
}

/// Where an origin's host may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Network {
    /// On the internet, unless the URL itself has an address in place of a name.
    #[default]
    Public,
    /// Anywhere: somebody said so of this very source.
    Any,
}

/// As whom an origin is asked.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// By a token, over HTTP. git reads it from a pipe: it is in no command line, no variable and
    /// no file.
    Token {
        /// The user that the forge wants beside it.
        user: String,
        /// The token.
        token: String,
    },
    /// By a key, over SSH.
    Key {
        /// The file with the private key.
        key: PathBuf,
        /// The file with the forge's host keys: no other is believed.
        known_hosts: PathBuf,
    },
}

impl Login {
    /// A login by token, if both parts can be said to git: one line each.
    pub fn token(user: &str, token: &str) -> Option<Self> {
        let sayable = |text: &str| {
            (1..=LOGIN_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
        };
        (sayable(user) && sayable(token)).then(|| Self::Token {
            user: user.to_owned(),
            token: token.to_owned(),
        })
    }

    /// What git's credential helper says; `None` where git is not who logs in.
    pub(crate) fn said_to_git(&self) -> Option<String> {
        match self {
            Self::Token { user, token } => Some(format!("username={user}\npassword={token}\n")),
            Self::Key { .. } => None,
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { .. } => f.write_str("Token(not shown)"),
            Self::Key { key, .. } => write!(f, "Key({})", key.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_shows_nothing_and_is_one_line_each() {
        let login = Login::token("oauth2", "hunter2").unwrap();
        let access = Access {
            login: Some(login.clone()),
            ..Access::default()
        };
        assert!(!format!("{access:?}").contains("hunter2"));
        let said = login.said_to_git().unwrap();
        assert_eq!(said, "username=oauth2\npassword=hunter2\n");
        for (user, token) in [("", "t"), ("u", ""), ("u\nhost=evil", "t"), ("u", "t\r")] {
            assert_eq!(Login::token(user, token), None, "{user:?} {token:?}");
        }
        assert_eq!(Login::token("u", &"t".repeat(LOGIN_BYTES_MAX + 1)), None);
    }
}
