//! Owns the HTTP statuses of refusals. Nowhere else is one named.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// What a sender is told to wait before it tries again, in seconds.
const RETRY_AFTER_SECS: u32 = 5;

/// Why a request was not accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Problem {
    /// No source of this name is configured.
    UnknownSource,
    /// The body is over the cap, in bytes.
    TooLarge(usize),
    /// The body did not arrive in time, or not whole.
    Incomplete,
    /// The signature is missing, malformed or wrong.
    Unsigned(String),
    /// It is signed, and not a delivery: an identifying header or the JSON is bad.
    Malformed(String),
    /// It cannot be stored now.
    Unavailable(&'static str),
}

impl Problem {
    /// The word for it in metrics.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::UnknownSource => "unknown-source",
            Self::TooLarge(_) => "too-large",
            Self::Incomplete => "incomplete",
            Self::Unsigned(_) => "unsigned",
            Self::Malformed(_) => "malformed",
            Self::Unavailable(_) => "unavailable",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownSource => StatusCode::NOT_FOUND,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Incomplete => StatusCode::REQUEST_TIMEOUT,
            Self::Unsigned(_) => StatusCode::UNAUTHORIZED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::UnknownSource => "no source of this name is configured".to_owned(),
            Self::TooLarge(cap) => format!("the body is over the cap of {cap} bytes"),
            Self::Incomplete => "the body did not arrive whole and in time".to_owned(),
            Self::Unsigned(reason) | Self::Malformed(reason) => reason.clone(),
            Self::Unavailable(reason) => (*reason).to_owned(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.word(), "detail": self.detail() });
        let mut response = (self.status(), Json(body)).into_response();
        match self {
            Self::Unavailable(_) => {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, RETRY_AFTER_SECS.into());
            }
            Self::Unsigned(_) => {
                // RFC 9110 asks for a challenge beside a 401.
                let challenge = HeaderValue::from_static("Signature");
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, challenge);
            }
            _ => {}
        }
        response
    }
}
