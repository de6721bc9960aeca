//! Owns the HTTP client that a bucket is reached by: the house's TLS, and a deadline for each answer
//! and each part of one.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector as Connect, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::time::{Instant, Sleep};

use crate::s3::Bucket;

/// Longest wait for a connection, in seconds.
const CONNECT_SECS_MAX: u64 = 5;
/// What a sender may be slow to, in bytes a second, before its time is up: a large object has more
/// time than a small one.
const SEND_BYTES_PER_SEC_MIN: u64 = 512 * 1024;

type Client = legacy::Client<HttpsConnector<HttpConnector>, HttpRequestBody>;

/// Makes the client.
#[derive(Clone, Debug)]
pub(crate) struct Connector(Service);

#[derive(Clone)]
struct Service {
    client: Client,
    answer_max: Duration,
}

#[derive(Debug, Error)]
#[error("no answer within {0:?}")]
struct Late(Duration);

impl Connector {
    /// A client that trusts what the bucket's settings say.
    pub(crate) fn new(bucket: &Bucket) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(Duration::from_secs(CONNECT_SECS_MAX)));
        let provider = rustls::crypto::ring::default_provider();
        let https = HttpsConnectorBuilder::new();
        let https = match &bucket.ca_file {
            None => https.with_provider_and_native_roots(provider)?,
            Some(file) => {
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_file_iter(file)? {
                    roots.add(certificate?)?;
                }
                let config = ClientConfig::builder_with_provider(provider.into())
                    .with_safe_default_protocol_versions()?
                    .with_root_certificates(roots)
                    .with_no_client_auth();
                https.with_tls_config(config)
            }
        };
        let https = https.https_or_http().enable_http1().wrap_connector(http);
        Ok(Self(Service {
            client: legacy::Client::builder(TokioExecutor::new()).build(https),
            answer_max: bucket.answer_max,
        }))
    }
}

impl Connect for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Service")
    }
}

impl HttpService for Service {
    fn call<'a, 'b>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let bytes = request.body().content_length() as u64;
            let limit = self.answer_max + Duration::from_secs(bytes / SEND_BYTES_PER_SEC_MIN);
            let answer = tokio::time::timeout(limit, self.client.request(request)).await;
            let answer = answer.map_err(|_| HttpError::new(HttpErrorKind::Timeout, Late(limit)))?;
            let answer = answer.map_err(|error| HttpError::new(kind(&error), error))?;
            let answer_max = self.answer_max;
            Ok(answer.map(|body| HttpResponseBody::new(Paced::new(body, answer_max))))
        })
    }
}

/// What a failure was: who makes the request again asks.
fn kind(error: &legacy::Error) -> HttpErrorKind {
    if error.is_connect() {
        return HttpErrorKind::Connect;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return kind_of_transport(error);
        }
        cause = error.source();
    }
    HttpErrorKind::Interrupted
}

fn kind_of_transport(error: &hyper::Error) -> HttpErrorKind {
    match error {
        error if error.is_timeout() => HttpErrorKind::Timeout,
        // It never left: the server had closed the connection that it was to go by.
        error if error.is_canceled() => HttpErrorKind::Request,
        error if error.is_parse() => HttpErrorKind::Decode,
        _ => HttpErrorKind::Interrupted,
    }
}

/// A body whose next part may not be longer away than this.
struct Paced {
    body: Incoming,
    answer_max: Duration,
    until: Pin<Box<Sleep>>,
}

impl Paced {
    fn new(body: Incoming, answer_max: Duration) -> Self {
        let until = Box::pin(tokio::time::sleep(answer_max));
        Self {
            body,
            answer_max,
            until,
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = &mut *self;
        if let Poll::Ready(part) = Pin::new(&mut this.body).poll_frame(cx) {
            this.until.as_mut().reset(Instant::now() + this.answer_max);
            let failed = |error| HttpError::new(kind_of_transport(&error), error);
            return Poll::Ready(part.map(|part| part.map_err(failed)));
        }
        ready!(this.until.as_mut().poll(cx));
        let late = Late(this.answer_max);
        Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Timeout, late))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
