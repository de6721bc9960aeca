//! Owns what a refused sender is told: the HTTP status, the headers, and a body as RFC 9457 has it.
//! Nowhere else is a status of a refusal named.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// What a sender is told to wait before it tries again, in seconds.
const RETRY_AFTER_SECS: u64 = 5;
/// The body's content type.
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request was not accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Problem {
    /// No source of this name is configured, or there is nothing at this path.
    UnknownSource,
    /// Webhooks are posted.
    Method,
    /// The body is over the cap, in bytes.
    TooLarge(usize),
    /// The body did not arrive in time.
    Slow,
    /// The body did not arrive whole.
    Incomplete,
    /// The signature is missing, malformed or wrong.
    Unsigned(String),
    /// The source's bucket is empty, for so many seconds.
    TooMany(u64),
    /// It is signed, and not a delivery: an identifying header or the JSON is bad.
    Malformed(String),
    /// It cannot be stored now.
    Unavailable(&'static str),
}

impl Problem {
    /// The word for it, in metrics and in the answer.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::UnknownSource => "unknown-source",
            Self::Method => "method",
            Self::TooLarge(_) => "too-large",
            Self::Slow => "slow",
            Self::Incomplete => "incomplete",
            Self::Unsigned(_) => "unsigned",
            Self::TooMany(_) => "too-many",
            Self::Malformed(_) => "malformed",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// Whether the delivery was good as far as we looked, and refused for our own sake: the source
    /// is then asked what it could not deliver. Gives the status for the metric.
    pub(crate) fn refusal(&self) -> Option<StatusCode> {
        match self {
            Self::TooMany(_) | Self::Unavailable(_) => Some(self.status()),
            Self::UnknownSource
            | Self::Method
            | Self::TooLarge(_)
            | Self::Slow
            | Self::Incomplete
            | Self::Unsigned(_)
            | Self::Malformed(_) => None,
        }
    }

    /// Whether its sender is worth being read on, so that it gets to reading the answer.
    pub(crate) const fn is_worth_reading_on(&self) -> bool {
        !matches!(self, Self::Slow | Self::Incomplete)
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::UnknownSource => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow | Self::Incomplete => StatusCode::REQUEST_TIMEOUT,
            Self::Unsigned(_) => StatusCode::UNAUTHORIZED,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::UnknownSource => "unknown source",
            Self::Method => "webhooks are posted",
            Self::TooLarge(_) => "the body is too large",
            Self::Slow => "the body is too slow",
            Self::Incomplete => "the body is not whole",
            Self::Unsigned(_) => "the signature does not hold",
            Self::TooMany(_) => "too many deliveries of this source",
            Self::Malformed(_) => "this is no delivery",
            Self::Unavailable(_) => "it cannot be stored now",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::UnknownSource => "no source of this name is configured".to_owned(),
            Self::Method => "POST /hooks/{source} is all there is".to_owned(),
            Self::TooLarge(cap) => format!("the body is over the cap of {cap} bytes"),
            Self::Slow => "the body did not arrive in time".to_owned(),
            Self::Incomplete => "the body did not arrive whole".to_owned(),
            Self::Unsigned(reason) | Self::Malformed(reason) => reason.clone(),
            Self::TooMany(seconds) => format!("the next one is taken in {seconds} s"),
            Self::Unavailable(reason) => (*reason).to_owned(),
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        let (name, value) = match self {
            Self::Unavailable(_) => (header::RETRY_AFTER, RETRY_AFTER_SECS.into()),
            Self::TooMany(seconds) => (header::RETRY_AFTER, (*seconds).into()),
            // RFC 9110 asks for a challenge beside a 401, and for the methods beside a 405.
            Self::Unsigned(_) => (
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Signature"),
            ),
            Self::Method => (header::ALLOW, HeaderValue::from_static("POST")),
            // The rest of the body is not waited for.
            Self::Slow | Self::Incomplete => {
                (header::CONNECTION, HeaderValue::from_static("close"))
            }
            Self::UnknownSource | Self::TooLarge(_) | Self::Malformed(_) => return headers,
        };
        headers.insert(name, value);
        headers
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = json!({
            "type": format!("urn:assay:problem:{}", self.word()),
            "title": self.title(),
            "status": status.as_u16(),
            "detail": self.detail(),
            "error": self.word(),
        });
        (status, self.headers(), body.to_string()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn every_refusal_has_one_shape_and_the_headers_of_its_status() {
        for (problem, status, header) in [
            (Problem::UnknownSource, 404, None),
            (Problem::Method, 405, Some(("allow", "POST"))),
            (Problem::TooLarge(7), 413, None),
            (Problem::Slow, 408, Some(("connection", "close"))),
            (Problem::Incomplete, 408, Some(("connection", "close"))),
            (
                Problem::Unsigned("x".to_owned()),
                401,
                Some(("www-authenticate", "Signature")),
            ),
            (Problem::TooMany(3), 429, Some(("retry-after", "3"))),
            (Problem::Malformed("x".to_owned()), 400, None),
            (Problem::Unavailable("x"), 503, Some(("retry-after", "5"))),
        ] {
            let word = problem.word();
            let detail = problem.detail();
            let is_refusal = problem.refusal().is_some();
            assert_eq!(is_refusal, [429, 503].contains(&status), "{word}");
            let response = problem.into_response();
            assert_eq!(response.status().as_u16(), status);
            let headers = response.headers().clone();
            assert_eq!(headers["content-type"], "application/problem+json");
            assert_eq!(headers.len(), 1 + usize::from(header.is_some()), "{word}");
            if let Some((name, value)) = header {
                assert_eq!(headers[name], value);
            }
            let body = to_bytes(response.into_body(), 4_096).await.unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["type"], format!("urn:assay:problem:{word}"));
            assert_eq!(body["status"], status);
            assert_eq!(body["error"], word);
            assert_eq!(body["detail"], detail);
            assert!(
                body["title"]
                    .as_str()
                    .is_some_and(|title| !title.is_empty())
            );
        }
    }
}
