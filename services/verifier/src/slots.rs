//! Owns the slots: how many runs at once, and whose folder and user each run has.

use std::sync::{Arc, Mutex, PoisonError};

/// The slots of a verifier. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    free: Arc<Mutex<Vec<u16>>>,
}

/// A slot that a run has; free again when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) number: u16,
    slots: Slots,
}

impl Slots {
    pub(crate) fn new(count: u16) -> Self {
        // The lowest number is taken first.
        let free = Arc::new(Mutex::new((0..count).rev().collect()));
        Self { free }
    }

    /// Takes a free slot, if there is one.
    pub(crate) fn take(&self) -> Option<Slot> {
        let number = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()?;
        let slots = self.clone();
        Some(Slot { number, slots })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut free = self
            .slots
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        free.push(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_runs_have_one_slot() {
        let slots = Slots::new(2);
        let (first, second) = (slots.take().unwrap(), slots.take().unwrap());
        assert_ne!(first.number, second.number);
        assert!(slots.take().is_none());
        drop(first);
        assert!(slots.take().is_some());
    }
}
