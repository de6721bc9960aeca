//! Owns the headers that identify and sign a delivery: those that are kept with it, so that its
//! signature can be checked again years later.

use std::collections::BTreeMap;

use crate::github;
use crate::provider::Provider;

/// Headers that every provider's deliveries are kept with.
const OF_EVERY_PROVIDER: [&str; 2] = ["content-type", "user-agent"];

/// A delivery's headers by their names in lower case. All others are of no use to anybody here, and
/// some, such as cookies of a proxy, are not ours to keep.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
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

    /// Takes headers that were kept.
    pub fn from_map(map: BTreeMap<String, String>) -> Self {
        Self(map)
    }

    /// Gives them to be kept.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.0
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
        Provider::Gitlab
        | Provider::Gitea
        | Provider::Forgejo
        | Provider::Bitbucket
        | Provider::StandardWebhooks => &[],
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
        let names: Vec<_> = headers.clone().into_map().into_keys().collect();
        assert_eq!(names, ["content-type", "user-agent", "x-github-delivery"]);
        assert_eq!(headers.content_type(), Some("application/json"));
        assert_eq!(Headers::from_map(headers.clone().into_map()), headers);
    }
}
