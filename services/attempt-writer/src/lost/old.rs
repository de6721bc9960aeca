//! Owns what part of the ledger a look for lost work has still to go through that was old when this
//! process began. No clock, no database.

use std::time::Duration;

use contract::time::Timestamp;
use store::unfinished::Kind;
use tokio::time::Instant;
use uuid::Uuid;

use super::plan::settled_below;

/// What was made so long before this process began is looked at between the other looks, in hours: of
/// millions of rows nearly all are done, and what is lost among them is lost since long.
const OLD_HOURS: u64 = 24;
/// After which time all of it is looked at again, where something was still open, in seconds.
const AGAIN_SECS: u64 = 3_600;

/// How far the look at what is old has come.
#[derive(Debug)]
pub(crate) struct Old {
    below: Uuid,
    /// The kind, by its place, and the id above which is looked next.
    next: Option<(usize, Uuid)>,
    has_open: bool,
    again_at: Option<Instant>,
}

impl Old {
    /// Of a process that begins now.
    pub(crate) fn before(now: Timestamp) -> Self {
        Self {
            below: settled_below(now - Duration::from_secs(OLD_HOURS * 3_600)),
            next: Some((0, Uuid::nil())),
            has_open: false,
            again_at: None,
        }
    }

    /// The id up to which all is old.
    pub(crate) fn below(&self) -> Uuid {
        self.below
    }

    /// What is to be looked at next: the kind, and above which id. `None` while nothing is.
    pub(crate) fn next(&mut self, at: Instant) -> Option<(Kind, Uuid)> {
        if self.again_at.is_some_and(|again| again <= at) {
            self.again_at = None;
            self.next = Some((0, Uuid::nil()));
        }
        self.next.map(|(place, after)| (Kind::ALL[place], after))
    }

    /// Goes on behind what was looked at, up to `end`, or to the last one there is.
    pub(crate) fn looked(&mut self, end: Option<Uuid>, is_open: bool, at: Instant) {
        self.has_open |= is_open;
        let Some((place, _)) = self.next else { return };
        let end = end.filter(|end| *end < self.below);
        self.next = match end {
            Some(end) => Some((place, end)),
            None => (place + 1 < Kind::ALL.len()).then_some((place + 1, Uuid::nil())),
        };
        if self.next.is_none() {
            let has_open = std::mem::take(&mut self.has_open);
            self.again_at = has_open.then(|| at + Duration::from_secs(AGAIN_SECS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_gone_through_once_and_again_only_where_something_is_open() {
        let mut at = Instant::now();
        let mut old = Old::before(contract::time::now());
        let below = old.below();
        assert!(below < settled_below(contract::time::now()));
        let id = Uuid::from_u128(7);
        for round in 0..3 {
            let is_open = round == 0;
            assert_eq!(old.next(at), Some((Kind::ALL[0], Uuid::nil())));
            old.looked(Some(id), is_open, at);
            assert_eq!(old.next(at), Some((Kind::ALL[0], id)));
            // What is not old is left to the other looks.
            old.looked(Some(below), false, at);
            for kind in &Kind::ALL[1..] {
                assert_eq!(old.next(at), Some((*kind, Uuid::nil())));
                old.looked(None, false, at);
            }
            assert_eq!(old.next(at), None);
            at += Duration::from_secs(AGAIN_SECS);
            if !is_open {
                break;
            }
        }
        assert_eq!(old.next(at), None);
    }
}
