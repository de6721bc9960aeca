//! Owns the small HTTP server that says how the process is: `/live`, `/ready`, `/metrics`.
//! It serves until the very end: a process that drains is alive, and not ready.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::health::Health;
use crate::metrics::Metrics;

/// Between two upkeeps of the metrics.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// The content type of Prometheus's text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The routes: `/live` is 200 as long as the process can answer, `/ready` 200 or 503 with each
/// part and its reason as JSON, `/metrics` Prometheus's text.
pub fn router(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/live", get(|| async { "alive\n" }))
        .route("/ready", get(ready))
        .with_state(health)
        .merge(
            Router::new()
                .route("/metrics", get(render))
                .with_state(metrics),
        )
}

/// Serves the routes on `listener` until `stop` is cancelled. `stop` is not the process's stop
/// signal but what is cancelled after the drain.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    metrics: Metrics,
    stop: CancellationToken,
) -> io::Result<()> {
    let served = axum::serve(listener, router(health, metrics.clone()))
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        result = served => result,
        () = upkeep(&metrics) => Ok(()),
    }
}

async fn upkeep(metrics: &Metrics) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        metrics.upkeep();
    }
}

async fn ready(State(health): State<Health>) -> Response {
    let report = health.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

async fn render(State(metrics): State<Metrics>) -> Response {
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], metrics.render()).into_response()
}
