//! Owns the traps of a wire: which message springs one, and what becomes of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};

use crate::wire::frames::Said;
use crate::wire::{Act, Moment, Sprung};

/// What becomes of a message.
#[derive(Debug)]
pub(crate) enum Fate {
    Goes,
    Lost,
    /// It is lost with every connection of the wire.
    Torn,
    /// It goes, and then this is told.
    Told(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Trap {
    moment: Moment,
    act: Act,
    sprung: oneshot::Sender<()>,
}

/// The traps of a wire, in the order in which they were laid.
#[derive(Debug, Default)]
pub(crate) struct Traps(Mutex<Vec<Trap>>);

impl Traps {
    pub(crate) fn lay(&self, moment: Moment, act: Act) -> Sprung {
        let (sprung, told) = oneshot::channel();
        self.all().push(Trap {
            moment,
            act,
            sprung,
        });
        told
    }

    pub(crate) fn clear(&self) {
        self.all().clear();
    }

    /// Springs the first trap that was laid for this message, of those that somebody waits for.
    pub(crate) fn spring(&self, said: &Said, held: &watch::Sender<bool>) -> Fate {
        let mut traps = self.all();
        traps.retain(|trap| !trap.sprung.is_closed());
        let Some(place) = traps.iter().position(|trap| trap.moment.is(said)) else {
            return Fate::Goes;
        };
        let Trap { act, sprung, .. } = traps.remove(place);
        let was_held = *held.borrow();
        match act {
            Act::Pass => return Fate::Told(sprung),
            // Before whoever laid the trap is told, so that nothing passes in between.
            Act::Hold => drop(held.send_replace(true)),
            Act::Lose | Act::Cut => {}
        }
        if sprung.send(()).is_err() {
            // Whoever laid it has just gone.
            held.send_replace(was_held);
            return Fate::Goes;
        }
        match act {
            Act::Lose => Fate::Lost,
            Act::Cut => Fate::Torn,
            Act::Hold | Act::Pass => Fate::Goes,
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Trap>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Moment {
    fn is(self, said: &Said) -> bool {
        match (self, said) {
            (Self::CommitAsked, Said::CommitAsked)
            | (Self::CommitAnswered, Said::CommitAnswered) => true,
            (Self::Published(begin), Said::Published(subject)) => subject.starts_with(begin),
            (Self::PublishAnswered(wanted), Said::PublishAnswered(stream))
            | (Self::Acked(wanted), Said::Acked(stream))
            | (Self::HandedOut(wanted), Said::HandedOut(stream)) => wanted == stream,
            _ => false,
        }
    }
}
