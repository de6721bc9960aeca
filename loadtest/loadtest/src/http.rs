//! Owns the HTTP that is spoken: few connections that are kept, and whole answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sample::delivery::SignedDelivery;
use serde_json::Value;
use witness::account::Answered;

use crate::wire::{self, Wire};

/// How long an answer may take, in seconds: what comes later is no answer.
const ANSWER_SECS_MAX: u64 = 60;
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Posts deliveries. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Poster {
    way: Way,
    url: hyper::Uri,
}

#[derive(Clone, Debug)]
enum Way {
    /// Wires of our own to this machine, and those that are free: what a driver costs here is not
    /// there for what it measures.
    Near(String, Arc<Mutex<Vec<Wire>>>),
    /// What speaks to anybody.
    Far(Box<legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>>),
}

impl Poster {
    /// A client that posts to one place.
    ///
    /// # Errors
    /// A URL that is none, or a machine without root certificates.
    pub fn new(url: &str) -> Result<Self> {
        let url: hyper::Uri = url.parse().with_context(|| format!("read the URL {url}"))?;
        if let Some(address) = near(&url) {
            let way = Way::Near(address, Arc::default());
            return Ok(Self { way, url });
        }
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
            .context("find this machine's root certificates")?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self {
            way: Way::Far(Box::new(client)),
            url,
        })
    }

    /// Posts one delivery. Without its whole body an answer has not come.
    pub async fn post(&self, signed: SignedDelivery) -> Answered {
        let asking = self.ask(signed);
        match tokio::time::timeout(Duration::from_secs(ANSWER_SECS_MAX), asking).await {
            Ok(Ok((status, body))) => Answered::With(status, body),
            Ok(Err(error)) => Answered::Not(format!("{error:#}")),
            Err(_) => Answered::Not(format!("no answer in {ANSWER_SECS_MAX} s")),
        }
    }

    async fn ask(&self, signed: SignedDelivery) -> Result<(u16, Value)> {
        let client = match &self.way {
            Way::Near(address, free) => {
                let request = wire::Request::new(&self.url, &signed, None);
                return over_wire(address, free, &request).await;
            }
            Way::Far(client) => client,
        };
        let mut request = Request::post(self.url.clone());
        for (name, value) in &signed.headers {
            request = request.header(*name, value);
        }
        let request = request
            .body(Full::new(signed.body))
            .context("make a request")?;
        let answer = client.request(request).await.context("post")?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await;
        let body = body.map_err(|error| anyhow::anyhow!("read the answer: {error}"))?;
        Ok((
            status,
            serde_json::from_slice(&body.to_bytes()).unwrap_or_default(),
        ))
    }
}

/// The address of a URL on this machine that needs no TLS.
fn near(url: &hyper::Uri) -> Option<String> {
    let address: std::net::SocketAddr = url.authority()?.as_str().parse().ok()?;
    let is_near = url.scheme_str() == Some("http") && address.ip().is_loopback();
    is_near.then(|| address.to_string())
}

async fn over_wire(
    address: &str,
    free: &Mutex<Vec<Wire>>,
    request: &wire::Request,
) -> Result<(u16, Value)> {
    let list = || free.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = std::iter::from_fn(|| list().pop()).find(Wire::is_open);
    let mut wire = match kept {
        Some(wire) => wire,
        None => Wire::connect(address).await?,
    };
    let answer = wire.post(request).await?;
    list().push(wire);
    let body = serde_json::from_slice(&answer.body).unwrap_or_default();
    Ok((answer.status, body))
}

/// Asks for a page, and gives its body.
///
/// # Errors
/// If it is not answered 200.
pub async fn get(url: &str) -> Result<Bytes> {
    let client: legacy::Client<_, Full<Bytes>> =
        legacy::Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let url: hyper::Uri = url.parse().context("read the URL")?;
    let asking = async {
        let answer = client.get(url).await.context("ask")?;
        let status = answer.status();
        ensure!(status.is_success(), "the answer is {status}");
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await;
        let body = body.map_err(|error| anyhow::anyhow!("read the answer: {error}"))?;
        Ok(body.to_bytes())
    };
    let limit = Duration::from_secs(ANSWER_SECS_MAX);
    tokio::time::timeout(limit, asking)
        .await
        .context("wait for an answer")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_this_machine_and_in_plain_text_is_near() {
        for (url, is_near) in [
            ("http://127.0.0.1:8080/hooks/github", true),
            ("http://[::1]:8080/", true),
            ("https://127.0.0.1:8080/", false),
            ("http://192.0.2.1:8080/", false),
            ("http://forge.example/", false),
        ] {
            assert_eq!(near(&url.parse().unwrap()).is_some(), is_near, "{url}");
        }
    }
}
