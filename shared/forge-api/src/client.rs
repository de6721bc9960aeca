//! Owns the HTTP client: one base address, one token, a deadline and a size for each answer, and
//! nothing followed.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::Utc;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use process::secret::Secret;
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::ApiError;
use crate::limit;
use crate::quiet::Quiet;

/// Longest wait for a connection, in seconds.
const CONNECT_SECS_MAX: u64 = 10;
/// Longest wait for a whole answer, in seconds.
const ANSWER_SECS_MAX: u64 = 30;
/// Largest answer, in bytes: a page of 100 deliveries has some 50 KiB.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// GitHub's own type; the other forges give theirs.
const ACCEPTED: &str = "application/vnd.github+json, application/json;q=0.9";
/// How much of a refusal is read, in bytes.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;
/// How GitLab says that a status is already what it was asked to become.
const UNMOVED: &[u8] = b"Cannot transition status via";

/// A client of one forge's API. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: Url,
    authorization: Option<HeaderValue>,
    quiet: Quiet,
}

/// A good answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What is asked for.
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    /// Parts of the path, each of them escaped.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// What is sent along, as JSON.
    pub(crate) body: Option<Vec<u8>>,
    /// In words, for errors.
    pub(crate) what: String,
}

impl Client {
    /// A client of the API at `base`, `https://api.github.com` for instance, with the token of an
    /// account that may look at what is asked for.
    ///
    /// # Errors
    /// [`ApiError::Address`] if `base` is no such URL or this machine has no root certificates,
    /// [`ApiError::Token`].
    pub fn new(base: &str, token: Option<&Secret>) -> Result<Self, ApiError> {
        let expected = "expected a URL that begins with https:// or http://";
        let base = Url::parse(base).map_err(|_| ApiError::Address(expected))?;
        if !matches!(base.scheme(), "https" | "http") || base.cannot_be_a_base() {
            return Err(ApiError::Address(expected));
        }
        let authorization = token.map(bearer).transpose()?;
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(Duration::from_secs(CONNECT_SECS_MAX)));
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
            .map_err(|_| ApiError::Address("this machine has no root certificates"))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let http = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self {
            http,
            base,
            authorization,
            quiet: Quiet::default(),
        })
    }

    /// Asks, and reads the whole answer. While a rate limit lasts nothing is sent.
    pub(crate) async fn ask(&self, question: Question<'_>) -> Result<Answer, ApiError> {
        if let Some(wait) = self.quiet.left(Instant::now()) {
            return Err(ApiError::Limited { wait });
        }
        let limit = Duration::from_secs(ANSWER_SECS_MAX);
        match tokio::time::timeout(limit, self.answer(question)).await {
            Ok(answer) => answer,
            Err(_) => Err(ApiError::Unreachable(format!(
                "no answer in {ANSWER_SECS_MAX} s"
            ))),
        }
    }

    async fn answer(&self, question: Question<'_>) -> Result<Answer, ApiError> {
        let request = self.request(&question)?;
        let answer = self.http.request(request).await.map_err(unreachable)?;
        let (parts, body) = answer.into_parts();
        let status = parts.status.as_u16();
        let Question { what, .. } = question;
        let now = Utc::now().timestamp();
        if let Some(wait) = limit::wait(status, &parts.headers, now) {
            self.quiet.keep(Instant::now(), wait);
            return Err(ApiError::Limited { wait });
        }
        if let Some(wait) = limit::used_up(&parts.headers, now) {
            self.quiet.keep(Instant::now(), wait);
        }
        match status {
            200..=299 => {}
            400 if is_unmoved(body).await => return Err(ApiError::Unmoved { what }),
            404 => return Err(ApiError::NotFound { what }),
            _ => return Err(ApiError::Refused { status, what }),
        }
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| ApiError::Unreadable {
            what,
            reason: error.to_string(),
        })?;
        Ok(Answer {
            headers: parts.headers,
            body: body.to_bytes(),
        })
    }

    fn request(&self, question: &Question<'_>) -> Result<Request<Full<Bytes>>, ApiError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| ApiError::Address("expected a URL that can have a path"))?
            .pop_if_empty()
            .extend(question.path);
        if !question.query.is_empty() {
            url.query_pairs_mut().extend_pairs(question.query);
        }
        let mut request = Request::builder()
            .method(question.method.clone())
            .uri(url.as_str())
            .header(USER_AGENT, concat!("assay/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, ACCEPTED)
            .header("x-github-api-version", "2022-11-28");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if question.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = Bytes::from(question.body.clone().unwrap_or_default());
        request
            .body(Full::new(body))
            .map_err(|_| ApiError::Address("expected a URL that a request can be made of"))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.base.host_str().unwrap_or_default())
    }
}

impl Answer {
    /// Reads the answer's JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, what: &str) -> Result<T, ApiError> {
        serde_json::from_slice(&self.body).map_err(|error| ApiError::Unreadable {
            what: what.to_owned(),
            // Its position alone: the text may quote the answer.
            reason: format!("line {}, column {}", error.line(), error.column()),
        })
    }
}

/// Whether a refusal says only that what was asked for is so already. Nothing else of it is kept.
async fn is_unmoved(body: hyper::body::Incoming) -> bool {
    let body = Limited::new(body, REFUSAL_BYTES_MAX).collect().await;
    body.is_ok_and(|body| {
        let body = body.to_bytes();
        body.windows(UNMOVED.len()).any(|part| part == UNMOVED)
    })
}

fn bearer(token: &Secret) -> Result<HeaderValue, ApiError> {
    let text = token.expose_str().ok_or(ApiError::Token)?;
    let mut value = HeaderValue::try_from(format!("Bearer {text}")).map_err(|_| ApiError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The innermost cause says what happened: refused, no such host, a certificate.
fn unreachable(error: legacy::Error) -> ApiError {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    ApiError::Unreachable(cause.to_string())
}
