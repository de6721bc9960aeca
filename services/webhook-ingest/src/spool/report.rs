//! Owns what the process says of its spool: the metrics, and the parts of `/ready`. Ready means
//! that deliveries can be accepted, by the queue or by the spool.

use std::time::Duration;

use process::health::{Part, State};
use tokio::time::MissedTickBehavior;

use crate::spool::keeper::Keeper;
use crate::spool::now_micros;
use crate::spool::status::Status;

/// Between two reports when nothing happens: the oldest delivery's age grows.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Who is listened to, and who is told.
pub(crate) struct Report {
    pub(crate) keeper: Keeper,
    /// Whether the bus is there.
    pub(crate) there: Part,
    /// Whether it is what it must be, as far as one knows.
    pub(crate) fits: Part,
    /// The part of `/ready` that speaks of the bus.
    pub(crate) bus: Part,
    /// The part of `/ready` that speaks of the spool.
    pub(crate) spool: Part,
}

/// What a part says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Said {
    /// Why it is not ready, if it is not.
    reason: Option<String>,
    note: Option<String>,
}

impl Report {
    /// Reports until it is dropped.
    pub(crate) async fn run(self) {
        let mut status = self.keeper.watch();
        let (mut there, mut fits) = (self.there.watch(), self.fits.watch());
        let mut ticks = tokio::time::interval(REPORT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = now_micros();
            let held = status.borrow_and_update().clone();
            let (is_there, does_fit) = (
                there.borrow_and_update().clone(),
                fits.borrow_and_update().clone(),
            );
            gauges(&held, now);
            tell(&self.bus, of_bus(&is_there, &does_fit));
            tell(&self.spool, of_spool(&is_there, &held, now));
            // None of the channels closes: their senders live in `self`.
            tokio::select! {
                _ = ticks.tick() => {}
                _ = status.changed() => {}
                _ = there.changed() => {}
                _ = fits.changed() => {}
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn gauges(status: &Status, now: u64) {
    metrics::gauge!("assay_spool_bytes").set(status.bytes as f64);
    metrics::gauge!("assay_spool_records").set(status.records as f64);
    metrics::gauge!("assay_spool_oldest_age_seconds").set(status.age_seconds(now) as f64);
}

fn tell(part: &Part, said: Said) {
    part.note(said.note);
    match said.reason {
        None => part.ready(),
        Some(reason) => part.not_ready(reason),
    }
}

fn of_bus(there: &State, fits: &State) -> Said {
    match (fits, there) {
        (State::NotReady(reason), _) => Said {
            reason: Some(reason.clone()),
            note: Some("deliveries go to the spool".to_owned()),
        },
        (State::Ready, State::Ready) => Said {
            reason: None,
            note: None,
        },
        (State::Ready, State::NotReady(reason)) => Said {
            reason: None,
            note: Some(format!("away, deliveries go to the spool: {reason}")),
        },
    }
}

fn of_spool(there: &State, status: &Status, now: u64) -> Said {
    let is_needed = *there != State::Ready;
    let refusing = status.refusing.as_ref();
    let mut notes = Vec::from_iter(status.note(now));
    if !is_needed {
        notes.extend(refusing.map(|reason| format!("it takes nothing: {reason}")));
    }
    Said {
        reason: refusing.filter(|_| is_needed).cloned(),
        note: Some(notes.join("; ")).filter(|note| !note.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down(reason: &str) -> State {
        State::NotReady(reason.to_owned())
    }

    #[test]
    fn a_bus_that_is_away_is_ready_by_way_of_the_spool_and_one_that_is_wrong_is_not() {
        for (there, fits, reason, note) in [
            (State::Ready, State::Ready, None, None),
            (
                down("gone"),
                State::Ready,
                None,
                Some("away, deliveries go to the spool: gone"),
            ),
            (
                down("gone"),
                down("old"),
                Some("old"),
                Some("deliveries go to the spool"),
            ),
        ] {
            let said = of_bus(&there, &fits);
            assert_eq!(
                (said.reason.as_deref(), said.note.as_deref()),
                (reason, note)
            );
        }
    }

    #[test]
    fn a_spool_that_takes_nothing_matters_while_it_is_needed() {
        let full = Status {
            refusing: Some("full".to_owned()),
            ..Status::default()
        };
        for (there, status, reason, note) in [
            (State::Ready, Status::default(), None, None),
            (down("gone"), Status::default(), None, None),
            (
                State::Ready,
                full.clone(),
                None,
                Some("it takes nothing: full"),
            ),
            (down("gone"), full, Some("full"), None),
        ] {
            let said = of_spool(&there, &status, 0);
            assert_eq!(
                (said.reason.as_deref(), said.note.as_deref()),
                (reason, note)
            );
        }
    }
}
