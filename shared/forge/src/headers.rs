//! Owns the headers that identify and sign a delivery: those that are kept with it, so that its
//! signature can be checked again years later.

use std::collections::BTreeMap;
use std::fmt;

use hmac::Mac as _;

use crate::provider::Provider;
use crate::signature::token_mac;
use crate::{bitbucket, forgejo, gitea, github, gitlab, standard};

/// Headers that every provider's deliveries are kept with.
const OF_EVERY_PROVIDER: [&str; 2] = ["content-type", "user-agent"];

/// A delivery's headers by their names in lower case. All others are of no use to anybody here, and
/// some, such as cookies of a proxy, are not ours to keep.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(BTreeMap<String, String>);

impl Headers {
    /// Picks what is kept of a request of `provider`; `get` gives the first value of a header.
    pub fn pick<'a>(provider: Provider, get: impl Fn(&str) -> Option<&'a [u8]>) -> Self {
        let kept = OF_EVERY_PROVIDER
            .into_iter()
            .chain(kept(provider).iter().copied());
        let value =
            |name: &str| Some((name.to_owned(), String::from_utf8_lossy(get(name)?).into()));
        Self(kept.filter_map(value).collect())
    }

    /// Gives them to be kept with the body. A secret that is sent as it is becomes an HMAC-SHA256
    /// of the body under it, which proves as much and opens nothing.
    pub fn into_kept(mut self, body: &[u8]) -> BTreeMap<String, String> {
        if let Some(token) = self.0.remove(gitlab::TOKEN) {
            let mac = token_mac(token.as_bytes(), body).finalize();
            let kept = hex::encode(mac.into_bytes());
            self.0.insert(gitlab::KEPT_TOKEN.to_owned(), kept);
        }
        self.0
    }

    /// Takes headers that were kept.
    pub fn from_map(map: BTreeMap<String, String>) -> Self {
        Self(map)
    }

    /// The value of a header, by its name in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The content type, if the request had one.
    pub fn content_type(&self) -> Option<&str> {
        self.get("content-type")
    }
}

fn kept(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::Github => &github::KEPT_HEADERS,
        Provider::Gitlab => &gitlab::KEPT_HEADERS,
        Provider::Gitea => &gitea::KEPT_HEADERS,
        Provider::Forgejo => &forgejo::KEPT_HEADERS,
        Provider::Bitbucket => &bitbucket::KEPT_HEADERS,
        Provider::StandardWebhooks => &standard::KEPT_HEADERS,
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Headers")?;
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_identifies_and_signs_is_kept() {
        let headers = Headers::pick(Provider::Github, |name| match name {
            "x-github-delivery" => Some(b"72d3162e"),
            "content-type" => Some(b"application/json"),
            "user-agent" => Some(b"\xff"),
            "cookie" | "authorization" => Some(b"private"),
            _ => None,
        });
        let names: Vec<_> = headers.clone().into_kept(b"").into_keys().collect();
        assert_eq!(names, ["content-type", "user-agent", "x-github-delivery"]);
        assert_eq!(headers.content_type(), Some("application/json"));
        assert_eq!(Headers::from_map(headers.clone().into_kept(b"")), headers);
        assert_eq!(
            format!("{headers:?}"),
            r#"Headers{"content-type", "user-agent", "x-github-delivery"}"#
        );
    }

    #[test]
    fn a_token_is_kept_as_its_proof_alone() {
        let headers = Headers::pick(Provider::Gitlab, |name| match name {
            "x-gitlab-token" => Some(b"a secret that is sent as it is"),
            // What a request says of itself is never read as what we keep.
            "x-gitlab-token-hmac-sha256" => Some(b"00"),
            _ => None,
        });
        assert_eq!(headers.get("x-gitlab-token-hmac-sha256"), None);
        let kept = headers.clone().into_kept(b"{}");
        assert!(!format!("{headers:?} {kept:?}").contains("a secret"));
        let names: Vec<_> = kept.keys().collect();
        assert_eq!(names, ["x-gitlab-token-hmac-sha256"]);
        assert_ne!(kept, headers.into_kept(b"{} "));
    }
}
