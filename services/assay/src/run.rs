//! Owns `assay run`: one service as its own process.

use anyhow::Context as _;
use process::exit;
use process::health::Health;
use process::metrics::Metrics;
use process::settings::service::Service;
use process::shutdown::Shutdown;
use process::telemetry::Telemetry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::Place;
use crate::context::Context;
use crate::services;

pub(crate) async fn run(place: &Place, service: Service) -> anyhow::Result<u8> {
    // Everything is read before a port is opened.
    let context = Context::of(place)?;
    let settings = &context.settings;
    settings.check_for(service)?;
    let telemetry = Telemetry::start(&settings.telemetry, service.as_str())?;
    let metrics = Metrics::install()?;
    let shutdown = Shutdown::listen()?;
    let health = Health::new();
    health.expect(service.parts());
    let listener = TcpListener::bind(settings.health.listen)
        .await
        .with_context(|| format!("open health.listen, {}", settings.health.listen))?;
    let ended = CancellationToken::new();
    let serving = tokio::spawn(process::health_server::serve(
        listener,
        health.clone(),
        metrics,
        ended.clone(),
    ));
    let stop = shutdown.token();
    let stopping = stop.clone();
    let told = health.clone();
    let watching = tokio::spawn(async move {
        stopping.cancelled().await;
        told.stopping();
    });
    let result = services::one(service, settings, None, &health, stop).await;
    watching.abort();
    ended.cancel();
    let _ = serving.await;
    telemetry.flush().await;
    result?;
    Ok(exit::OK)
}
