//! Owns running services: each is a function, and one that ends early ends the others.

use process::health::Health;
use process::settings::Settings;
use process::settings::service::Service;
use service::connect::Stopped;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Runs one service until it is told to stop. `hooks` is the port of webhook-ingest.
pub(crate) async fn one(
    service: Service,
    settings: &Settings,
    hooks: Option<TcpListener>,
    health: &Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    // Each on the heap: together they are more than a thread's stack takes in a debug build.
    let ended = match service {
        Service::WebhookIngest => {
            let hooks = match hooks {
                Some(hooks) => hooks,
                None => TcpListener::bind(settings.http.listen).await?,
            };
            Box::pin(webhook_ingest::run::run(settings, hooks, health, stop)).await
        }
        Service::AttemptWriter => Box::pin(attempt_writer::run::run(settings, health, stop)).await,
        Service::SnapshotBuilder => {
            Box::pin(snapshot_builder::run::run(settings, health, stop)).await
        }
        Service::Verifier => Box::pin(verifier::run::run(settings, health, stop)).await,
        Service::Reconciler => Box::pin(reconciler::run::run(settings, health, stop)).await,
        Service::Auditor => Box::pin(auditor::run(settings, health, stop)).await,
        Service::StatusReporter => {
            Box::pin(status_reporter::run::run(settings, health, stop)).await
        }
    };
    match ended {
        Err(error) if error.is::<Stopped>() => {
            tracing::info!("{error}");
            Ok(())
        }
        ended => ended,
    }
}

/// Makes `health` name the parts of every service, before any of them runs.
pub(crate) fn expect_all(health: &Health) {
    for service in Service::ALL {
        health.within(service.as_str()).expect(service.parts());
    }
}

/// Runs every service in this process until they are told to stop, or one of them cannot go on.
///
/// # Errors
/// The first error of a service.
pub(crate) async fn all(
    settings: &Settings,
    hooks: TcpListener,
    health: &Health,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut hooks = Some(hooks);
    let mut running = JoinSet::new();
    for service in Service::ALL {
        let settings = settings.clone();
        let health = health.within(service.as_str());
        let stop = stop.clone();
        let hooks = if service == Service::WebhookIngest {
            hooks.take()
        } else {
            None
        };
        running.spawn(async move {
            let ended = one(service, &settings, hooks, &health, stop).await;
            ended.map_err(|error| error.context(format!("run {service}")))
        });
    }
    let mut first = Ok(());
    while let Some(ended) = running.join_next().await {
        let early = !stop.is_cancelled();
        stop.cancel();
        let ended = match ended {
            Ok(Ok(())) if early => Err(anyhow::anyhow!("a service ended before it was told to")),
            Ok(ended) => ended,
            Err(panic) => Err(anyhow::Error::new(panic).context("a service broke")),
        };
        if first.is_ok() {
            first = ended;
        }
    }
    first
}
