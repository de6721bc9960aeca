//! Owns telling the auditor: how far the lane is settled, every second while something changed, and
//! what there is to say beside it. Deliveries never wait for it.

use std::time::{Duration, Instant};

use bus::connect::Bus;
use bus::error::PublishError;
use contract::lane::LANE_HEARTBEAT_SECS;
use contract::time::now;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::lane::{Lane, Say};
use crate::notices::Notices;
use crate::spool::status::Status;
use crate::stream::Stream;

/// Between two manifests, in milliseconds.
const TELL_EVERY_MS: u64 = 1_000;
/// Longest time that the last words may take, in seconds.
const LAST_WORDS_SECS: u64 = 2;

/// Who tells, and what of.
pub(crate) struct Teller<'a> {
    pub(crate) lane: &'a Lane,
    pub(crate) notices: &'a Notices,
    pub(crate) stream: &'a Stream,
    /// What the spool holds, where there is one.
    pub(crate) spool: Option<watch::Receiver<Status>>,
}

impl Teller<'_> {
    /// Tells until `stop`.
    pub(crate) async fn run(&self, stop: &CancellationToken) {
        let mut ticks = interval(Duration::from_millis(TELL_EVERY_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let heartbeat = Duration::from_secs(LANE_HEARTBEAT_SECS);
        let mut spoken: Option<Instant> = None;
        let mut spool = self.spool.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
                // What comes and goes between two ticks is told as well.
                () = changed(&mut spool) => {
                    self.notices.spool(self.lane.id(), self.status());
                    continue;
                }
            }
            let say = match spoken {
                Some(at) if at.elapsed() < heartbeat => Say::News,
                _ => Say::Alive,
            };
            self.notices.spool(self.lane.id(), self.status());
            self.notices.gather(self.lane.id(), now(), false);
            let Some(bus) = self.stream.there() else {
                continue;
            };
            match self.tell(&bus, say).await {
                Ok(true) => spoken = Some(Instant::now()),
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, "the auditor is told later"),
            }
        }
    }

    /// Says that the lane ends here, when all that it held is answered: the last words.
    pub(crate) async fn close(&self) {
        self.notices.spool(self.lane.id(), self.status());
        self.notices.gather(self.lane.id(), now(), true);
        let Some(bus) = self.stream.there() else {
            tracing::warn!("the lane ends unsaid: NATS is away");
            return;
        };
        let limit = Duration::from_secs(LAST_WORDS_SECS);
        match timeout(limit, self.tell(&bus, Say::Closing)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the lane ends unsaid"),
            Err(_) => tracing::warn!("the lane ends unsaid: no answer in {LAST_WORDS_SECS} s"),
        }
        bus.flush().await;
    }

    fn status(&self) -> Status {
        let status = self.spool.as_ref().map(|spool| spool.borrow().clone());
        status.unwrap_or_default()
    }

    /// Tells what there is; says whether there was something.
    async fn tell(&self, bus: &Bus, say: Say) -> Result<bool, PublishError> {
        let records = self.status().records;
        let (mut told, mut say) = (false, say);
        // Ends: each manifest goes on from the one before it.
        while let Some(manifest) = self.lane.manifest(say, records, now()) {
            bus.publish(&manifest).await?;
            self.lane.told(&manifest);
            told = true;
            if manifest.closing || manifest.through == manifest.from {
                break;
            }
            if say == Say::Alive {
                say = Say::News;
            }
        }
        self.notices.say(bus).await?;
        Ok(told)
    }
}

/// Waits until the spool holds something else; for ever where there is none, or it is gone.
async fn changed(spool: &mut Option<watch::Receiver<Status>>) {
    let is_there = match spool {
        Some(spool) => spool.changed().await.is_ok(),
        None => false,
    };
    if !is_there {
        std::future::pending().await
    }
}
