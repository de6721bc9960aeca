//! Owns the port: accepts connections up to their cap, cuts off those that are idle or do not get
//! to the end of their headers, and lets every request that is under way be answered.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use process::settings::surface::Http;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::connections::{Connection, Connections};

/// Most bytes of a connection that are read and not yet used: the longest head of a request.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Pause after a connection could not be accepted, for want of descriptors for instance, in ms.
const ACCEPT_PAUSE_MS: u64 = 100;

/// Where webhooks are received.
pub(crate) struct Server {
    listener: TcpListener,
    router: Router,
    connections: Connections,
    http: http1::Builder,
}

impl Server {
    pub(crate) fn new(
        listener: TcpListener,
        router: Router,
        connections: Connections,
        limits: &Http,
    ) -> Self {
        let mut http = http1::Builder::new();
        // The time runs from the end of the request before, so that it ends idle ones as well.
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(limits.header_seconds_max))
            .max_buf_size(HEAD_BYTES_MAX)
            .keep_alive(true);
        Self {
            listener,
            router,
            connections,
            http,
        }
    }

    /// Serves until `close`; then closes the port, and returns when every request is answered. From
    /// `stop` on each answer is the last of its connection, so that the next one goes elsewhere.
    pub(crate) async fn serve(self, stop: &CancellationToken, close: &CancellationToken) {
        let Self {
            listener,
            router,
            connections,
            http,
        } = self;
        let mut serving = JoinSet::new();
        loop {
            let accepting = async {
                let stream = accept(&listener).await;
                (stream, connections.enter().await)
            };
            let (stream, connection) = tokio::select! {
                accepted = accepting => accepted,
                () = close.cancelled() => break,
            };
            serving.spawn(converse(
                stream,
                connection,
                router.clone(),
                http.clone(),
                (stop.clone(), close.clone()),
            ));
            while serving.try_join_next().is_some() {}
        }
        drop(listener);
        while serving.join_next().await.is_some() {}
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
}

/// Serves a connection until it ends, has to make room, or is idle when the port is closed.
async fn converse(
    stream: TcpStream,
    connection: Connection,
    router: Router,
    http: http1::Builder,
    (stop, close): (CancellationToken, CancellationToken),
) {
    // An answer is one small write.
    let _ = stream.set_nodelay(true);
    let connection = Arc::new(connection);
    let of_requests = Arc::clone(&connection);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let busy = of_requests.busy();
        let answering = router.clone().oneshot(request);
        let stop = stop.clone();
        async move {
            let mut answer: Result<Response, Infallible> = answering.await;
            if stop.is_cancelled()
                && let Ok(answer) = &mut answer
            {
                let last = HeaderValue::from_static("close");
                answer.headers_mut().insert(CONNECTION, last);
            }
            drop(busy);
            answer
        }
    });
    let serving = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        // What has come already is read before anything else is heard: its sender gets an answer.
        biased;
        // How it ended is the sender's affair: what was answered is answered.
        _ = serving.as_mut() => return,
        () = connection.cut() => return,
        () = close.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}
