//! Owns the way of deliveries to the queue, and by the spool where there is one: what it takes to
//! make it, and the work that keeps it.

use std::time::Duration;

use anyhow::Context as _;
use bus::connect::Bus;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use process::dependency::Dependency;
use process::health::{Health, Part};
use process::settings::Settings;
use retry::delays::Delays;
use retry::policy::DEPENDENCY;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::hook::SERVICE;
use crate::lane::Lane;
use crate::publisher::Publisher;
use crate::spool::Spool;
use crate::spool::drain::Drain;
use crate::spool::report::Report;
use crate::spool::status::Status;
use crate::stream::{Patience, Stream};

/// How long the queue is waited for where there is a spool, in milliseconds. A delivery may wait
/// for a place in a batch as long, and Gitea hangs up after 5 s.
const ANSWER_MS_MAX: u64 = 1_500;

/// The way, and the work that must be run beside its use.
pub(crate) struct Way<'a> {
    /// Where deliveries are left.
    pub(crate) publisher: Publisher,
    /// Where they go.
    pub(crate) stream: Stream,
    /// What the spool holds, where there is one.
    pub(crate) spool: Option<watch::Receiver<Status>>,
    /// Publishes; ends when every publisher is gone and everything that waited is answered.
    pub(crate) publishing: BoxFuture<'a, ()>,
    /// Watches the bus, and serves and drains the spool; ends after the stop signal and after
    /// `publishing`.
    pub(crate) keeping: BoxFuture<'a, ()>,
}

impl<'a> Way<'a> {
    /// Makes the way: with a spool at once, else as soon as the bus is there and as it must be.
    ///
    /// # Errors
    /// A bad setting, the stop signal, a spool that another process has; without a spool also a
    /// bus that is not what it must be.
    pub(crate) async fn make(
        settings: &'a Settings,
        health: &Health,
        lane: &Lane,
        stop: &'a CancellationToken,
    ) -> anyhow::Result<Self> {
        if settings.ingest.spool.persistent {
            Self::by_the_spool(settings, health, lane, stop).await
        } else {
            Self::straight(settings, health, stop).await
        }
    }

    async fn straight(
        settings: &'a Settings,
        health: &Health,
        stop: &'a CancellationToken,
    ) -> anyhow::Result<Self> {
        metrics::gauge!("assay_spool_bytes_max").set(0.0);
        let nats = Dependency::new(health.part("bus"));
        let bus = find(settings, nats.part(), stop).await?;
        let stream = Stream::new(nats.clone(), Patience::Full);
        stream.found(bus.clone());
        let (publisher, publishing) = Publisher::new(stream.clone(), None, &settings.ingest);
        let keeping = async move { nats.watch(stop, async || bus.ping().await).await };
        Ok(Self {
            publisher,
            stream,
            spool: None,
            publishing: publishing.boxed(),
            keeping: keeping.boxed(),
        })
    }

    async fn by_the_spool(
        settings: &'a Settings,
        health: &Health,
        lane: &Lane,
        stop: &'a CancellationToken,
    ) -> anyhow::Result<Self> {
        // Said before the spool is recovered, which takes its time: nothing is accepted meanwhile.
        let (bus, spool_part) = (health.part("bus"), health.part("spool"));
        let opened = Spool::open(&settings.ingest.spool).await;
        let (spool, keeper, serving) = opened.context("open the spool")?;
        // What `/ready` says is not whether the bus is there but whether deliveries are accepted.
        let inner = Health::new();
        let nats = Dependency::new(inner.part("bus"));
        let fits = inner.part("bus fits");
        fits.ready();
        let patience = Patience::Short(Duration::from_millis(ANSWER_MS_MAX));
        let stream = Stream::new(nats.clone(), patience);
        let held = keeper.watch();
        let report = Report {
            keeper: keeper.clone(),
            there: nats.part().clone(),
            fits: fits.clone(),
            bus,
            spool: spool_part,
        };
        let drain = Drain {
            keeper,
            stream: stream.clone().patient(),
            lane: lane.clone(),
            batch_messages_max: settings.ingest.batch_messages_max,
        };
        let (publisher, publishing) = Publisher::new(stream.clone(), Some(spool), &settings.ingest);
        let found = stream.clone();
        let keeping = async move {
            let watching = async {
                if let Some(bus) = find_fitting(settings, nats.part(), &fits, stop).await {
                    found.found(bus.clone());
                    nats.watch(stop, async || bus.ping().await).await;
                }
            };
            let working = async { tokio::join!(watching, serving, drain.run(stop)) };
            tokio::select! {
                _ = working => {}
                () = report.run() => {}
            }
        };
        Ok(Self {
            publisher,
            stream,
            spool: Some(held),
            publishing: publishing.boxed(),
            keeping: keeping.boxed(),
        })
    }
}

/// Waits for the bus, and holds it against what it must be.
async fn find(settings: &Settings, part: &Part, stop: &CancellationToken) -> anyhow::Result<Bus> {
    let bus = service::connect::bus(settings, SERVICE, part, stop).await?;
    service::sync::check(settings, stop).await?;
    Ok(bus)
}

/// The same until it fits, or the stop signal: who has a spool has time, and nobody else to tell.
async fn find_fitting(
    settings: &Settings,
    there: &Part,
    fits: &Part,
    stop: &CancellationToken,
) -> Option<Bus> {
    let mut delays = Delays::new(&DEPENDENCY);
    while !stop.is_cancelled() {
        match find(settings, there, stop).await {
            Ok(bus) => {
                fits.ready();
                return Some(bus);
            }
            Err(_) if stop.is_cancelled() => {}
            Err(error) => {
                if fits.is_ready() {
                    tracing::error!("nothing is published: {error:#}");
                }
                fits.not_ready(format!("{error:#}"));
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(delays.next()) => {}
                }
            }
        }
    }
    None
}
