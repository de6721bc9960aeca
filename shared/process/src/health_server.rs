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
        .with_state(health.clone())
        .merge(
            Router::new()
                .route("/metrics", get(render))
                .with_state((health, metrics)),
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

async fn render(State((health, metrics)): State<(Health, Metrics)>) -> Response {
    for (part, state) in health.report().parts {
        let ready = if state.ready { 1.0 } else { 0.0 };
        metrics::gauge!("assay_ready", "part" => part).set(ready);
    }
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    async fn get_from(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_process_says_how_it_is() {
        let health = Health::new();
        let router = router(health.clone(), Metrics::install().unwrap());
        let nats = health.part("nats");
        assert_eq!(get_from(&router, "/live").await.0, StatusCode::OK);
        let (status, body) = get_from(&router, "/ready").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        let starting = r#"{"ready":false,"parts":{"nats":{"ready":false,"reason":"starting"}}}"#;
        assert_eq!(body, starting);
        nats.ready();
        let (status, body) = get_from(&router, "/ready").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body, r#"{"ready":true,"parts":{"nats":{"ready":true}}}"#);
        metrics::counter!("assay_health_tests_total").increment(2);
        metrics::histogram!("assay_health_tests_seconds").record(0.2);
        let (status, body) = get_from(&router, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("assay_health_tests_total 2"), "{body}");
        assert!(body.contains(r#"assay_ready{part="nats"} 1"#), "{body}");
        assert!(body.contains("# HELP assay_ready "), "{body}");
        assert!(body.contains("assay_build_info{version="), "{body}");
        assert!(
            body.contains(r#"assay_health_tests_seconds_bucket{le="0.25"} 1"#),
            "{body}"
        );
    }

    #[tokio::test]
    async fn the_server_ends_when_it_is_told_to() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stop = CancellationToken::new();
        let metrics = Metrics::install().unwrap();
        let server = tokio::spawn(serve(listener, Health::new(), metrics, stop.clone()));
        stop.cancel();
        server.await.unwrap().unwrap();
    }
}
