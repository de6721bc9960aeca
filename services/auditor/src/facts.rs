//! Owns telling the facts: the leader publishes the log's leaves in their order, beside its steps
//! and never in their way. How far it is stands in the stream itself and nowhere else.

use std::time::Duration;

use bus::connect::Bus;
use bus::error::{PublishError, TopologyError};
use bus::facts::FactsEnd;
use contract::digest::Digest;
use contract::fact::Fact;
use contract::ids::AuditEntryId;
use metrics::{counter, gauge};
use process::health::Health;
use process::settings::Settings;
use retry::delays::Delays;
use retry::policy::Policy;
use store::error::StoreError;
use store::ledger_leaf::{self, LeafOfEntryRow};
use store::log_epoch;
use store::pool::Store;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::head::column;
use crate::publish::Epoch;

/// Most leaves that are told at once.
const PAGE_LEAVES: u64 = 500;
/// Between two pages of fewer, in milliseconds: each is a batch, which costs the broker a dozen syncs.
const TELL_MS: u64 = 200;
/// Most leaves that a stream without facts is given: who must know more reads the ledger.
pub const CATCH_UP_LEAVES_MAX: u64 = 100_000;

/// How telling comes back after it failed.
const COME_BACK: Policy = Policy {
    first: Duration::from_millis(100),
    factor: 2.0,
    max: Duration::from_secs(10),
    give_up_after: None,
};

/// What tells the facts.
pub(crate) struct Teller {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) stop: CancellationToken,
}

#[derive(Debug, Error)]
enum TellError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    End(#[from] TopologyError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// How far the telling is.
struct Place {
    /// The stream's last place.
    sequence: u64,
    /// The epoch of the leaf that is told next.
    epoch: u64,
    /// That leaf.
    next: u64,
}

impl Teller {
    /// Tells the leaves of older epochs that were not told, then those of `epoch` below `size` and
    /// those that come, for as long as this auditor leads.
    pub(crate) async fn run(&self, epoch: &Epoch, mut size: watch::Receiver<u64>) {
        let mut delays = Delays::new(&COME_BACK);
        // The bus is no part of this service's readiness: the log goes on without it.
        let apart = Health::new().part("bus");
        loop {
            let connected = service::connect::bus(&self.settings, "auditor", &apart, &self.stop);
            match connected.await {
                Ok(bus) => loop {
                    let Err(error) = self.tell(&bus, epoch, &mut size, &mut delays).await else {
                        return;
                    };
                    warn!(%error, cause = ?std::error::Error::source(&error), "facts wait");
                    if !self.pause(&mut delays).await {
                        return;
                    }
                },
                Err(error) => warn!(error = format!("{error:#}"), "facts wait for the bus"),
            }
            if !self.pause(&mut delays).await {
                return;
            }
        }
    }

    /// Waits before another try; `false` when it is time to leave.
    async fn pause(&self, delays: &mut Delays) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = sleep(delays.next()) => true,
        }
    }

    /// Tells until it is time to leave.
    async fn tell(
        &self,
        bus: &Bus,
        led: &Epoch,
        size: &mut watch::Receiver<u64>,
        delays: &mut Delays,
    ) -> Result<(), TellError> {
        let epoch = led.number;
        let end = bus.facts_end().await?;
        let begun = *size.borrow();
        let mut place = self.go_on_from(end, epoch, begun).await?;
        while place.epoch < epoch {
            if self.stop.is_cancelled() {
                return Ok(());
            }
            if !self.tell_page(bus, led, &mut place, None).await? {
                let next = self.epoch_after(place.epoch).await?;
                (place.epoch, place.next) = (next.unwrap_or(epoch), 0);
            }
        }
        loop {
            let known = *size.borrow_and_update();
            while place.next < known {
                show_pending(known - place.next);
                if self.stop.is_cancelled() {
                    return Ok(());
                }
                if !self.tell_page(bus, led, &mut place, Some(known)).await? {
                    // The head goes further than its leaves: the log's own check says so.
                    break;
                }
                delays.reset();
            }
            show_pending(0);
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                () = sleep(Duration::from_millis(TELL_MS)) => {}
            }
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                changed = size.changed() => if changed.is_err() {
                    return Ok(());
                },
            }
        }
    }

    /// After the last fact that is a leaf of this log; else some way back from the log's end.
    async fn go_on_from(&self, end: FactsEnd, epoch: u64, size: u64) -> Result<Place, TellError> {
        let back = Place {
            sequence: end.sequence,
            epoch,
            next: size.saturating_sub(CATCH_UP_LEAVES_MAX),
        };
        let Some(last) = end.last else {
            return Ok(back);
        };
        let mut conn = self.store.connection().await?;
        let leaves = ledger_leaf::page(&mut conn, column(last.epoch), column(last.leaf), 1).await?;
        let same = leaves.first().is_some_and(|found| {
            found.leaf.leaf_index == column(last.leaf)
                && found.leaf.audit_entry_id == last.entry.as_uuid()
        });
        if same && last.epoch <= epoch {
            return Ok(Place {
                sequence: end.sequence,
                epoch: last.epoch,
                next: last.leaf + 1,
            });
        }
        warn!(
            leaf.index = last.leaf,
            log.epoch = last.epoch,
            "the last fact is of another log: told again from {}",
            back.next
        );
        Ok(back)
    }

    /// The epoch that follows another.
    async fn epoch_after(&self, epoch: u64) -> Result<Option<u64>, TellError> {
        let mut conn = self.store.connection().await?;
        let epochs = log_epoch::all(&mut conn).await?;
        let mut numbers = epochs.iter().map(|row| row.epoch.unsigned_abs());
        Ok(numbers.find(|number| *number > epoch))
    }

    /// Tells the next leaves of the place's epoch, below `known` where that is given; `false` when
    /// there is none.
    async fn tell_page(
        &self,
        bus: &Bus,
        led: &Epoch,
        place: &mut Place,
        known: Option<u64>,
    ) -> Result<bool, TellError> {
        let end = place.next + PAGE_LEAVES;
        let limit = column(known.map_or(end, |known| known.min(end)) - place.next);
        let (epoch, from) = (column(place.epoch), column(place.next));
        let read = led.recent.or_read(&self.store, epoch, from, limit);
        let leaves = read.await?;
        let Some(last) = leaves.last() else {
            return Ok(false);
        };
        let next = last.leaf.leaf_index.unsigned_abs() + 1;
        let facts: Vec<Fact> = leaves.iter().filter_map(|row| fact(row)).collect();
        place.sequence = bus.publish_facts(place.sequence, &facts).await?;
        place.next = next;
        counter!("assay_facts_total").increment(facts.len() as u64);
        Ok(true)
    }
}

/// A leaf as it is told; `None` for one whose entry is gone or whose columns are no leaf's.
pub(crate) fn fact(row: &LeafOfEntryRow) -> Option<Fact> {
    Some(Fact {
        epoch: u64::try_from(row.leaf.epoch).ok()?,
        leaf: u64::try_from(row.leaf.leaf_index).ok()?,
        entry: AuditEntryId::from_uuid(row.leaf.audit_entry_id),
        action: row.action.clone()?,
        text: row.entry.clone()?,
        leaf_hash: Digest::from_bytes(row.leaf.leaf_hash.as_slice().try_into().ok()?),
    })
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a gauge of more than 2^53 leaves may round"
)]
fn show_pending(leaves: u64) {
    gauge!("assay_facts_pending").set(leaves as f64);
}
