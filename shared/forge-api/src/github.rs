//! Owns what is asked of GitHub's REST API about webhooks: hooks, their deliveries, and to make a
//! delivery again. <https://docs.github.com/rest/repos/webhooks>, and `/rest/orgs/webhooks`.

use chrono::{DateTime, Utc};
use contract::time::Timestamp;
use hyper::Method;
use serde::Deserialize;

use crate::client::{Client, Question};
use crate::error::ApiError;
use crate::link;

/// Entries of a page; what GitHub gives at most.
const PAGE: &str = "100";
/// Longest that GitHub keeps a delivery, in days: what is older can be neither listed nor made
/// again.
pub const KEPT_DAYS: i64 = 3;
/// Most pages of hooks that are read: GitHub allows 20 hooks for an event.
const HOOK_PAGES_MAX: usize = 10;

/// Whose hooks.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Owner {
    /// A repository's, by its owner and name.
    Repository {
        /// The owner.
        owner: String,
        /// The name.
        name: String,
    },
    /// An organization's.
    Organization(String),
}

/// A hook.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Hook {
    /// Its number.
    pub id: u64,
    /// Whether it delivers.
    pub active: bool,
    /// Where to.
    pub config: HookConfig,
}

/// Where a hook delivers to.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct HookConfig {
    /// The URL.
    #[serde(default)]
    pub url: String,
}

/// One try to deliver. All tries of a delivery have its GUID.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Delivery {
    /// The try's number.
    pub id: u64,
    /// The delivery's GUID, as in `X-GitHub-Delivery`.
    pub guid: String,
    /// When it was tried.
    pub delivered_at: DateTime<Utc>,
    /// Whether it was made again.
    pub redelivery: bool,
    /// The HTTP status of the answer; 0 or 5xx where there was none.
    #[serde(default)]
    pub status_code: u16,
    /// The event.
    pub event: String,
}

/// Some tries, the newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The tries.
    pub deliveries: Vec<Delivery>,
    /// Where the older ones are, if there are any.
    pub next: Option<String>,
}

impl Owner {
    /// Reads `owner` (an organization) or `owner/name` (a repository).
    pub fn parse(text: &str) -> Option<Self> {
        let good = |part: &str| {
            let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            !part.is_empty() && !part.starts_with('.') && part.bytes().all(known)
        };
        match text.split_once('/') {
            None => good(text).then(|| Self::Organization(text.to_owned())),
            Some((owner, name)) => (good(owner) && good(name)).then(|| Self::Repository {
                owner: owner.to_owned(),
                name: name.to_owned(),
            }),
        }
    }

    fn path(&self) -> Vec<&str> {
        match self {
            Self::Repository { owner, name } => vec!["repos", owner, name, "hooks"],
            Self::Organization(name) => vec!["orgs", name, "hooks"],
        }
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Repository { owner, name } => write!(f, "{owner}/{name}"),
            Self::Organization(name) => f.write_str(name),
        }
    }
}

impl Delivery {
    /// When it was tried, as the ledger keeps times.
    pub fn at(&self) -> Timestamp {
        contract::time::to_micros(self.delivered_at)
    }

    /// Whether it was answered with a 2xx.
    pub fn is_answered(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

/// The hooks of an owner.
///
/// # Errors
/// [`ApiError`].
pub async fn hooks(client: &Client, owner: &Owner) -> Result<Vec<Hook>, ApiError> {
    let mut hooks = Vec::new();
    let mut page = Some("1".to_owned());
    for _ in 0..HOOK_PAGES_MAX {
        let Some(place) = page else { break };
        let what = format!("hooks of {owner}");
        let question = Question {
            method: Method::GET,
            path: &owner.path(),
            query: &[("per_page", PAGE), ("page", &place)],
            body: None,
            what: what.clone(),
        };
        let answer = client.ask(question).await?;
        hooks.extend(answer.json::<Vec<Hook>>(&what)?);
        page = link::next(&answer.headers, "page");
    }
    Ok(hooks)
}

/// A page of a hook's deliveries, the newest first; `place` is the page before's `next`.
///
/// # Errors
/// [`ApiError`].
pub async fn deliveries(
    client: &Client,
    owner: &Owner,
    hook: u64,
    place: Option<&str>,
) -> Result<Page, ApiError> {
    let hook = hook.to_string();
    let mut path = owner.path();
    path.extend([hook.as_str(), "deliveries"]);
    let mut query = vec![("per_page", PAGE)];
    query.extend(place.map(|place| ("cursor", place)));
    let what = format!("deliveries of hook {hook} of {owner}");
    let question = Question {
        method: Method::GET,
        path: &path,
        query: &query,
        body: None,
        what: what.clone(),
    };
    let answer = client.ask(question).await?;
    Ok(Page {
        deliveries: answer.json(&what)?,
        next: link::next(&answer.headers, "cursor"),
    })
}

/// Asks that a delivery be made again, by the number of one of its tries. It comes under the same
/// GUID.
///
/// # Errors
/// [`ApiError`].
pub async fn redeliver(
    client: &Client,
    owner: &Owner,
    hook: u64,
    delivery: u64,
) -> Result<(), ApiError> {
    let (hook, delivery) = (hook.to_string(), delivery.to_string());
    let mut path = owner.path();
    path.extend([hook.as_str(), "deliveries", &delivery, "attempts"]);
    let question = Question {
        method: Method::POST,
        path: &path,
        query: &[],
        body: None,
        what: format!("redelivery of hook {hook} of {owner}"),
    };
    client.ask(question).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_an_organization_or_a_repository_and_leaves_no_path() {
        let repository = Owner::parse("octo/hello.world").unwrap();
        assert_eq!(repository.path(), ["repos", "octo", "hello.world", "hooks"]);
        let organization = Owner::parse("octo").unwrap();
        assert_eq!(organization.path(), ["orgs", "octo", "hooks"]);
        assert_eq!(organization.to_string(), "octo");
        for bad in ["", "/", "a/", "/a", "a/b/c", "..", "a/..", "a b", "a/b?c"] {
            assert_eq!(Owner::parse(bad), None, "{bad}");
        }
    }
}
