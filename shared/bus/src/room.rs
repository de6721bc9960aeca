//! Owns what is known of the room for dead letters: when there is none, messages that cannot be
//! handled stay in their queues, and somebody has to know.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::connect::Bus;
use crate::dead;
use crate::error::TopologyError;

/// From this part of its bounds on `DEAD` counts as nearly full.
const FULL_PERCENT: u64 = 90;
/// How long a dead letter that found no room is told of, in seconds: longer than the longest wait
/// of its message for the next try.
const REFUSED_SECS: u64 = 300;

/// When a dead letter last found no room, unless one has found it since. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room {
    refused_at: Arc<Mutex<Option<Instant>>>,
}

impl Room {
    /// A dead letter could not be stored.
    pub(crate) fn refused(&self) {
        self.set(Some(Instant::now()));
    }

    /// One was stored.
    pub(crate) fn taken(&self) {
        self.set(None);
    }

    fn set(&self, at: Option<Instant>) {
        *self
            .refused_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = at;
    }

    fn was_refused(&self) -> bool {
        let at = *self
            .refused_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        at.is_some_and(|at| at.elapsed() < Duration::from_secs(REFUSED_SECS))
    }
}

impl Bus {
    /// What is worth knowing of the room for dead letters, for `/ready`; `None` while there is
    /// enough. Keeps the gauge of how full `DEAD` is.
    ///
    /// # Errors
    /// [`TopologyError::Server`] if the server does not answer.
    pub async fn dead_letters_note(&self) -> Result<Option<String>, TopologyError> {
        let found = self.jetstream.get_stream(dead::STREAM).await;
        let found = found.map_err(|error| TopologyError::Server {
            what: format!("the stream {}", dead::STREAM),
            source: error.into(),
        })?;
        let info = found.cached_info();
        let (state, config) = (&info.state, &info.config);
        let percent = percent(state.bytes, config.max_bytes)
            .max(percent(state.messages, config.max_messages));
        // A percentage is small enough for a float.
        metrics::gauge!("assay_dead_full_percent").set(percent as f64);
        Ok(note(percent, self.room.was_refused()))
    }
}

/// How much of its bound is used; 0 where there is no bound.
pub(crate) fn percent(used: u64, bound: i64) -> u64 {
    match u64::try_from(bound) {
        Ok(bound) if bound > 0 => used.saturating_mul(100) / bound,
        _ => 0,
    }
}

fn note(percent: u64, was_refused: bool) -> Option<String> {
    if was_refused {
        return Some(format!(
            "a dead letter was not stored, and its message stays in its queue: DEAD is {percent} % \
             full"
        ));
    }
    (percent >= FULL_PERCENT).then(|| format!("DEAD is {percent} % full"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_that_is_none_is_never_full() {
        for (used, bound, expected) in [
            (5, -1, 0),
            (5, 0, 0),
            (0, 10, 0),
            (9, 10, 90),
            (10, 10, 100),
        ] {
            assert_eq!(percent(used, bound), expected, "{used} of {bound}");
        }
    }

    #[test]
    fn a_note_is_made_from_ninety_percent_on_and_while_one_was_refused() {
        assert_eq!(note(89, false), None);
        assert_eq!(note(90, false).as_deref(), Some("DEAD is 90 % full"));
        let refused = note(3, true).unwrap();
        assert!(refused.contains("stays in its queue"), "{refused}");
        let room = Room::default();
        assert!(!room.was_refused());
        room.refused();
        assert!(room.clone().was_refused());
        room.taken();
        assert!(!room.was_refused());
    }
}
