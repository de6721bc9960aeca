//! Owns the service's life: the port is opened last and closed first; where a load balancer needs
//! time to notice, requests are still taken for that long.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::routing::post;
use process::health::Health;
use process::settings::Settings;
use process::settings::service::Service;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::Limits;
use crate::budget::Budget;
use crate::connections::Connections;
use crate::hook::{Shared, not_posted, nothing_here, receive};
use crate::lane::Lane;
use crate::live::Live;
use crate::notices::Notices;
use crate::recent::Recent;
use crate::refused::Refused;
use crate::reload;
use crate::server::Server;
use crate::source::Configured;
use crate::tell::Teller;
use crate::way::Way;

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
    let configured = Configured::read(settings)?;
    let live = Arc::new(Live::new(&configured));
    let refused = Arc::new(Refused::default());
    // The stop signal says that no more requests should come; from here on none is taken.
    let close = CancellationToken::new();
    let (lane, notices) = (Lane::open(), Arc::new(Notices::default()));
    let objects = service::objects::open(settings)?;
    let Way {
        publisher,
        stream,
        spool,
        publishing,
        keeping,
    } = way(settings, health, &lane, (&stop, &close)).await?;
    let lingering = TaskTracker::new();
    let shared = Arc::new(Shared {
        live: Arc::clone(&live),
        publisher,
        recent: Recent::new(),
        lane: lane.clone(),
        objects,
        budget: Budget::new(settings.ingest.memory_bytes_max),
        limits: Limits::of(&settings.ingest),
        refused: Arc::clone(&refused),
        notices: Arc::clone(&notices),
        lingering: lingering.clone(),
    });
    let connections = Connections::new(settings.http.connections_max);
    let server = server(listener, shared, connections.clone(), settings)?;
    let serving = async {
        server.serve(&stop, &close).await;
        lingering.close();
        lingering.wait().await;
    };
    let sources = health.part("sources");
    let changed = |old: &Configured, new: &Configured| {
        for change in new.secrets_changed(old, lane.id()) {
            notices.secrets(change);
        }
    };
    let reloading = reload::watch(settings, configured, &live, &sources, changed, &close);
    let telling = refused.tell(|| stream.there(), &close);
    let teller = Teller {
        lane: &lane,
        notices: &notices,
        stream: &stream,
        spool,
    };
    let drained = busy_at_the_end(&connections, settings.ingest.drain_seconds, &close);
    // The router, and with it the last publisher, is gone when serving ends: publishing ends too,
    // and then what serves the spool.
    let work = async {
        tokio::join!(
            serving,
            publishing,
            keeping,
            reloading,
            telling,
            teller.run(&close)
        )
    };
    tokio::select! {
        _ = work => {}
        never = grace(settings.ingest.grace_seconds, &stop, &close) => match never {},
        busy = drained => busy?,
    }
    // Everything is answered: what was promised is known.
    teller.close().await;
    Ok(())
}

/// Makes the way. The stop signal ends the wait for it at once: nothing is served yet, so there is
/// nobody whom a grace time is for.
async fn way<'a>(
    settings: &'a Settings,
    health: &Health,
    lane: &Lane,
    (stop, close): (&CancellationToken, &'a CancellationToken),
) -> anyhow::Result<Way<'a>> {
    tokio::select! {
        made = Way::make(settings, health, lane, close) => made,
        never = grace(0, stop, close) => match never {},
    }
}

/// Says where webhooks are received.
fn server(
    listener: TcpListener,
    shared: Arc<Shared>,
    connections: Connections,
    settings: &Settings,
) -> anyhow::Result<Server> {
    let router = Router::new()
        .route("/hooks/{source}", post(receive))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_posted)
        .with_state(shared);
    let address = listener.local_addr().context("read the port")?;
    tracing::info!(%address, "receiving webhooks at http://{address}/hooks/<source>");
    let http = &settings.http;
    Ok(Server::new(listener, router, connections, http))
}

/// Closes so long after the stop signal; never ends.
async fn grace(grace_secs: u64, stop: &CancellationToken, close: &CancellationToken) -> Infallible {
    stop.cancelled().await;
    tokio::time::sleep(Duration::from_secs(grace_secs)).await;
    close.cancel();
    std::future::pending().await
}

/// Ends so long after the port was closed: in order where no request is still to be answered.
async fn busy_at_the_end(
    connections: &Connections,
    drain_secs: u64,
    close: &CancellationToken,
) -> anyhow::Result<()> {
    close.cancelled().await;
    tokio::time::sleep(Duration::from_secs(drain_secs)).await;
    // Connections whose request has not come hold nothing that is owed an answer.
    let busy = connections.busy();
    anyhow::ensure!(
        busy == 0,
        "{busy} requests were not answered within {drain_secs} s of the port's end",
    );
    Ok(())
}
