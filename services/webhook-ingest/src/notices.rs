//! Owns what this process has to say to the auditor beside its numbers: what it refused, the use of
//! its spool, changes of secrets. Few words each, kept until they are stored, as many as there is
//! room for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use bus::connect::Bus;
use bus::error::PublishError;
use contract::ids::LaneId;
use contract::name::SourceName;
use contract::notice::{HooksRefused, SecretsChanged, SpoolChange, SpoolChanged};
use contract::time::{Timestamp, now};

use crate::spool::status::Status;

/// For how long refusals are gathered, in seconds.
const GATHER_SECS: i64 = 60;
/// Most notices that wait for the queue; beyond it the oldest is lost, and counted.
const WAITING_MAX: usize = 1_000;

/// What waits to be said.
#[derive(Default)]
pub(crate) struct Notices(Mutex<State>);

#[derive(Default)]
struct State {
    refused: BTreeMap<Option<SourceName>, Gathered>,
    waiting: VecDeque<Notice>,
    spool: Status,
}

struct Gathered {
    since: Timestamp,
    counts: BTreeMap<String, u64>,
}

/// Something to say.
#[derive(Clone, Debug)]
enum Notice {
    Refused(HooksRefused),
    Spool(SpoolChanged),
    Secrets(SecretsChanged),
}

impl Notices {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a request was refused, for the reason with this word.
    pub(crate) fn refused(&self, source: Option<&SourceName>, word: &str) {
        let mut state = self.state();
        let gathered = state
            .refused
            .entry(source.cloned())
            .or_insert_with(|| Gathered {
                since: now(),
                counts: BTreeMap::new(),
            });
        match gathered.counts.get_mut(word) {
            Some(count) => *count += 1,
            None => drop(gathered.counts.insert(word.to_owned(), 1)),
        }
    }

    /// Notes that the secrets of a source are other ones.
    pub(crate) fn secrets(&self, changed: SecretsChanged) {
        self.state().wait(Notice::Secrets(changed));
    }

    /// Notes what the spool holds.
    pub(crate) fn spool(&self, lane: LaneId, status: Status) {
        let mut state = self.state();
        for change in changes(&state.spool, &status) {
            state.wait(Notice::Spool(SpoolChanged {
                lane,
                change,
                records: status.records,
                bytes: status.bytes,
                at: now(),
            }));
        }
        state.spool = status;
    }

    /// Closes what was gathered long enough, or all of it.
    pub(crate) fn gather(&self, lane: LaneId, at: Timestamp, all: bool) {
        let mut state = self.state();
        let is_due =
            |gathered: &Gathered| all || (at - gathered.since).num_seconds() >= GATHER_SECS;
        let gathered = std::mem::take(&mut state.refused);
        let (due, early): (BTreeMap<_, _>, _) = gathered
            .into_iter()
            .partition(|(_, gathered)| is_due(gathered));
        state.refused = early;
        for (source, Gathered { since, counts }) in due {
            state.wait(Notice::Refused(HooksRefused {
                lane,
                source,
                since,
                at,
                counts,
            }));
        }
    }

    /// Says what waits, in its order, until something cannot be said.
    pub(crate) async fn say(&self, bus: &Bus) -> Result<(), PublishError> {
        loop {
            let Some(notice) = self.state().waiting.front().cloned() else {
                return Ok(());
            };
            match &notice {
                Notice::Refused(notice) => bus.publish(notice).await?,
                Notice::Spool(notice) => bus.publish(notice).await?,
                Notice::Secrets(notice) => bus.publish(notice).await?,
            };
            self.state().waiting.pop_front();
        }
    }
}

impl State {
    fn wait(&mut self, notice: Notice) {
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
            metrics::counter!("assay_notices_lost_total").increment(1);
            tracing::error!("a notice to the auditor is lost: {WAITING_MAX} wait already");
        }
        self.waiting.push_back(notice);
    }
}

/// What happened to a spool between two looks.
fn changes(before: &Status, after: &Status) -> Vec<SpoolChange> {
    let mut changes = Vec::new();
    match (before.records, after.records) {
        (0, 1..) => changes.push(SpoolChange::Opened),
        (1.., 0) => changes.push(SpoolChange::Drained),
        _ => {}
    }
    if before.refusing.is_none() && after.refusing.is_some() {
        changes.push(SpoolChange::Refusing);
    }
    changes
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_spool_is_spoken_of_when_it_comes_into_use_is_empty_again_or_takes_nothing() {
        let status = |records, refusing: Option<&str>| Status {
            records,
            refusing: refusing.map(str::to_owned),
            ..Status::default()
        };
        for (before, after, wanted) in [
            (status(0, None), status(0, None), vec![]),
            (status(0, None), status(1, None), vec![SpoolChange::Opened]),
            (status(1, None), status(2, None), vec![]),
            (
                status(2, None),
                status(2, Some("full")),
                vec![SpoolChange::Refusing],
            ),
            (status(2, Some("full")), status(2, Some("full")), vec![]),
            (
                status(2, Some("full")),
                status(0, None),
                vec![SpoolChange::Drained],
            ),
        ] {
            assert_eq!(changes(&before, &after), wanted, "{before:?} {after:?}");
        }
    }

    #[test]
    fn refusals_are_gathered_by_source_and_reason_for_a_minute() {
        let notices = Notices::default();
        let github: SourceName = "github".parse().unwrap();
        for word in ["unsigned", "unsigned", "too-large"] {
            notices.refused(Some(&github), word);
        }
        notices.refused(None, "unknown-source");
        let lane = LaneId::new();
        let start = now();
        notices.gather(lane, start, false);
        assert!(notices.state().waiting.is_empty());
        notices.gather(lane, start + Duration::from_secs(61), false);
        let state = notices.state();
        let said: Vec<_> = state
            .waiting
            .iter()
            .map(|notice| match notice {
                Notice::Refused(refused) => (refused.source.clone(), refused.counts.clone()),
                other => panic!("{other:?}"),
            })
            .collect();
        let unsigned = [("too-large".to_owned(), 1), ("unsigned".to_owned(), 2)];
        let unknown = [("unknown-source".to_owned(), 1)];
        assert_eq!(
            said,
            [(None, unknown.into()), (Some(github), unsigned.into())]
        );
    }

    #[test]
    fn too_many_notices_lose_the_oldest() {
        let mut state = State::default();
        for number in 0..=WAITING_MAX as u64 {
            state.wait(Notice::Spool(SpoolChanged {
                lane: LaneId::new(),
                change: SpoolChange::Opened,
                records: number,
                bytes: 0,
                at: now(),
            }));
        }
        assert_eq!(state.waiting.len(), WAITING_MAX);
        assert!(matches!(&state.waiting[0], Notice::Spool(spool) if spool.records == 1));
    }
}
