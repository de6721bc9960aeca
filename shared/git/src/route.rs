//! Owns the way to an origin: its host looked up and judged, and the login to show it. What is
//! asked afterwards is asked at the addresses that were judged.

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::lookup_host;

use crate::access::{Login, Network};
use crate::address::is_internal;
use crate::error::GitError;
use crate::origin::{Origin, Place};
use crate::said::unavailable;

/// Longest wait for a host name's addresses, in seconds.
const LOOKUP_SECS_MAX: u64 = 10;
/// Most addresses of a host that are handed on.
const ADDRESSES_MAX: usize = 8;

/// A way to an origin's host, for one command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// The only protocol that may be used on it.
    pub(crate) scheme: &'static str,
    /// Scheme, host and port: whom the login is for.
    pub(crate) base: String,
    /// `host:port:address,…` as HTTP is told it; nothing is looked up again.
    pub(crate) pinned: Option<String>,
    /// As whom.
    pub(crate) login: Option<Login>,
}

impl Origin {
    /// The way to it; `None` for a folder, which needs none.
    ///
    /// # Errors
    /// [`GitError::SourceUnavailable`] if the host has no address, or one that is not the
    /// internet's while the origin may not lie elsewhere.
    pub async fn route(&self) -> Result<Option<Route>, GitError> {
        let Self::Url { scheme, access, .. } = self else {
            return Ok(None);
        };
        let place = self
            .place()
            .ok_or_else(|| unavailable("the URL has no host"))?;
        let pinned = match access.network {
            Network::Public if !place.is_named_outright() => Some(judged(&place).await?),
            Network::Public | Network::Any => None,
        };
        Ok(Some(Route {
            scheme,
            base: format!("{scheme}://{}", place.authority),
            pinned: pinned.filter(|_| scheme.starts_with("http")),
            login: access.login.clone(),
        }))
    }
}

/// Looks a host up, and refuses it if any of its addresses is internal.
async fn judged(place: &Place<'_>) -> Result<String, GitError> {
    let limit = Duration::from_secs(LOOKUP_SECS_MAX);
    let looking = lookup_host((place.host, place.port));
    let unresolved = || unavailable("the forge's host name does not resolve");
    let found = tokio::time::timeout(limit, looking).await;
    let found = found.map_err(|_| unresolved())?.map_err(|_| unresolved())?;
    let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    if addresses.is_empty() {
        return Err(unresolved());
    }
    if addresses.iter().copied().any(is_internal) {
        return Err(unavailable(
            "the forge's host leads into a private network, which the source's settings do not \
             allow (fetch.private_network)",
        ));
    }
    let list: Vec<String> = addresses
        .iter()
        .take(ADDRESSES_MAX)
        .map(IpAddr::to_string)
        .collect();
    Ok(format!("{}:{}:{}", place.host, place.port, list.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Access;

    async fn way(url: &str, network: Network) -> Result<Route, String> {
        let access = Access {
            login: None,
            network,
        };
        let origin = Origin::url(url).unwrap().with_access(access);
        let route = origin.route().await.map_err(|error| error.to_string())?;
        Ok(route.unwrap())
    }

    #[tokio::test]
    async fn a_host_that_leads_inside_is_reached_only_where_the_source_names_it() {
        // Names of the loopback that no resolver has to be asked for.
        for inside in [
            "http://127.1/a.git",
            "http://0x7f.1:80/a",
            "ssh://git@127.1/a",
        ] {
            let refused = way(inside, Network::Public).await.unwrap_err();
            assert!(refused.contains("private network"), "{inside}: {refused}");
            assert!(way(inside, Network::Any).await.is_ok(), "{inside}");
        }
        for named in [
            "http://127.0.0.1:1/a",
            "http://localhost/a",
            "http://[::1]:80/a",
        ] {
            let route = way(named, Network::Public).await.unwrap();
            assert_eq!(route.pinned, None, "{named}");
        }
        let nowhere = way("https://nowhere.invalid/a", Network::Public).await;
        assert_eq!(
            nowhere.unwrap_err(),
            "the forge's host name does not resolve"
        );
    }

    #[tokio::test]
    async fn the_address_that_was_judged_is_the_one_that_is_asked() {
        let route = way("http://16843009:8080/a/b.git", Network::Public).await;
        let route = route.unwrap();
        assert_eq!(route.pinned.as_deref(), Some("16843009:8080:1.1.1.1"));
        assert_eq!(
            (route.scheme, route.base.as_str()),
            ("http", "http://16843009:8080")
        );
        let ssh = way("ssh://git@16843009/a", Network::Public).await.unwrap();
        assert_eq!(ssh.pinned, None);
    }
}
