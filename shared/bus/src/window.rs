//! Owns how much is pulled at one time, and in which order what was pulled is touched: what keeps
//! a message that kills its handler from burning the deliveries of those pulled with it. Pure.

use std::cmp::Reverse;

/// From this delivery on a message is handled alone, so that it cannot harm its neighbours.
pub const ALONE_FROM_DELIVERY: u64 = 3;

/// How many messages the next pull asks for. A process that dies burns one delivery of everything
/// that it had pulled, so it begins with one, doubles while all goes well, and goes back to one
/// when a message comes that may be a killer.
#[derive(Debug)]
pub(crate) struct Window {
    size: usize,
    max: usize,
    /// How many messages to handle each one that was pulled had in it, on the average.
    carried: usize,
}

impl Window {
    /// A window that grows up to `max`.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            size: 1,
            max,
            carried: 1,
        }
    }

    /// How many messages to ask for.
    pub(crate) fn size(&self) -> usize {
        self.size.min(self.max / self.carried).max(1)
    }

    /// Whether a pull that brought so many brought all that there is ever room for.
    pub(crate) fn is_full(&self, pulled: usize) -> bool {
        self.size == self.max && pulled >= self.size()
    }

    /// How many are handled at one time at most.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// Learns how many there were to handle in those that were pulled: bundles have several.
    pub(crate) fn carried(&mut self, pulled: usize, handled: usize) {
        if let Some(each) = handled.checked_div(pulled) {
            self.carried = each.max(1);
        }
    }

    /// Learns from a pull: how many came, and how many of them must be handled alone.
    pub(crate) fn learn(&mut self, pulled: usize, alone: usize) {
        if alone > 0 {
            self.size = 1;
        } else if pulled > 0 {
            self.size = self.size.saturating_mul(2).min(self.max).max(1);
        }
    }
}

/// Where a message stands among those that are handled alone: the most delivered last, since a
/// killer has been delivered more often than those that it met on its way. Those of one count go
/// forwards in one round and backwards in the next, so that what lies behind a killer in the one
/// lies before it in the other.
pub(crate) fn place(deliveries: u64, sequence: u64) -> (u64, Reverse<u64>, u64) {
    if deliveries.is_multiple_of(2) {
        (deliveries, Reverse(sequence), 0)
    } else {
        (deliveries, Reverse(0), sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_doubles_up_to_its_limit_and_a_suspect_closes_it() {
        let mut window = Window::new(6);
        let mut sizes = vec![window.size()];
        for (pulled, alone) in [
            (1, 0),
            (2, 0),
            (0, 0),
            (3, 0),
            (6, 0),
            (6, 1),
            (1, 1),
            (1, 0),
        ] {
            window.learn(pulled, alone);
            sizes.push(window.size());
        }
        assert_eq!(sizes, [1, 2, 4, 4, 6, 6, 1, 1, 2]);
    }

    #[test]
    fn a_pull_is_full_when_a_window_that_is_open_was_filled() {
        let mut window = Window::new(4);
        for (pulled, full) in [(1, false), (2, false), (4, true), (3, false), (4, true)] {
            assert_eq!(window.is_full(pulled), full, "{pulled}");
            window.learn(pulled, 0);
        }
        window.carried(1, 4);
        assert!(window.is_full(1), "one bundle fills it");
        window.learn(1, 1);
        assert!(!window.is_full(4), "a suspect came");
    }

    #[test]
    fn of_bundles_as_many_are_asked_for_as_bring_what_is_handled_at_one_time() {
        let mut window = Window::new(100);
        for _ in 0..7 {
            window.learn(1, 0);
        }
        for (pulled, handled, size) in [
            (0, 0, 100),
            (2, 100, 2),
            (1, 64, 1),
            (1, 500, 1),
            (4, 4, 100),
        ] {
            window.carried(pulled, handled);
            assert_eq!(window.size(), size, "{handled} in {pulled}");
        }
    }

    #[test]
    fn the_most_delivered_is_touched_last_and_the_others_change_their_direction() {
        let order = |deliveries: u64, killer: u64| {
            let mut all: Vec<(u64, u64)> = (1..=4).map(|sequence| (deliveries, sequence)).collect();
            all.push((killer, 9));
            all.sort_by_key(|&(deliveries, sequence)| place(deliveries, sequence));
            all.into_iter()
                .map(|(_, sequence)| sequence)
                .collect::<Vec<_>>()
        };
        assert_eq!(order(3, 5), [1, 2, 3, 4, 9]);
        assert_eq!(order(4, 5), [4, 3, 2, 1, 9]);
        assert_eq!(order(4, 3), [9, 4, 3, 2, 1]);
    }
}
