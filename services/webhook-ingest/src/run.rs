//! Owns the service's life: the port is opened last and closed first.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::routing::post;
use objects::store::Objects;
use process::dependency::Dependency;
use process::health::Health;
use process::settings::Settings;
use process::settings::service::Service;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::hook::{SERVICE, Shared, receive};
use crate::lane::Lane;
use crate::publisher::Publisher;
use crate::recent::Recent;
use crate::source::Sources;

/// Runs the service on `listener` until it is told to stop; then takes no more, answers what it
/// holds, and leaves.
///
/// # Errors
/// A bad setting, a topology that is not ours, or requests that are not answered in time.
pub async fn run(
    settings: &Settings,
    listener: TcpListener,
    health: &Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    settings.check_for(Service::WebhookIngest)?;
    let sources = Sources::load(settings)?;
    let objects = Objects::open_folder(&settings.objects.folder).context("open the objects")?;
    let nats = Dependency::new(health.part("bus"));
    let bus = service::connect::bus(settings, SERVICE, nats.part(), &stop).await?;
    service::sync::check(settings, &stop).await?;
    nats.part().ready();
    let (publisher, publishing) = Publisher::new(bus.clone(), nats.clone(), &settings.ingest);
    let shared = Arc::new(Shared {
        sources,
        publisher,
        recent: Recent::new(),
        lane: Lane::open(),
        objects,
        body_bytes_max: settings.ingest.body_bytes_max,
    });
    let router = Router::new()
        .route("/hooks/{source}", post(receive))
        .with_state(shared);
    let address = listener.local_addr().context("read the port")?;
    tracing::info!(%address, "receiving webhooks at http://{address}/hooks/<source>");
    let serving = async {
        let closing = stop.clone();
        axum::serve(listener, router)
            .with_graceful_shutdown(async move { closing.cancelled().await })
            .await
            .context("serve webhooks")
    };
    let watching = async {
        nats.watch(&stop, async || bus.ping().await).await;
        Ok(())
    };
    let publishing = async {
        publishing.await;
        Ok(())
    };
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_secs(settings.ingest.drain_seconds)).await;
    };
    // The router, and with it the last publisher, is gone when serving ends: publishing ends too.
    let work = async { tokio::try_join!(serving, watching, publishing) };
    tokio::select! {
        done = work => done.map(drop)?,
        () = drained => anyhow::bail!(
            "requests were not answered within {} s of the stop signal",
            settings.ingest.drain_seconds,
        ),
    }
    bus.flush().await;
    Ok(())
}
