//! Owns what a process says of its own readiness: named parts, each ready or not, with the reason.
//! Consumers read the same parts, so that they stop pulling while a dependency is down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

/// The registry of a process's parts. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    parts: Arc<Mutex<BTreeMap<String, Part>>>,
    prefix: String,
}

/// What a part says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// It works.
    Ready,
    /// It does not, for this reason; free of secrets and of personal data.
    NotReady(String),
}

/// One part of a process. Clones are the same part.
#[derive(Clone, Debug)]
pub struct Part {
    name: String,
    state: watch::Sender<State>,
    note: Arc<Mutex<Option<String>>>,
}

/// The readiness of the whole, as `/ready` shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// Whether every part is ready.
    pub ready: bool,
    /// Each part by its name.
    pub parts: BTreeMap<String, PartReport>,
}

/// The readiness of one part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PartReport {
    /// Whether it is ready.
    pub ready: bool,
    /// Why not, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is worth knowing of it all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The part that says that the process is about to leave.
const PROCESS_PART: &str = "process";

impl Health {
    /// A registry without parts: nothing is ready before it is said to be, but what has no parts
    /// has nothing to wait for.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same registry, whose further parts bear `name.` before their own: for several services
    /// in one process.
    pub fn within(&self, name: &str) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
            prefix: format!("{}{name}.", self.prefix),
        }
    }

    /// Adds a part, not ready yet because it is "starting"; an existing part of that name is
    /// given back as it is.
    pub fn part(&self, name: &str) -> Part {
        let name = format!("{}{name}", self.prefix);
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts
            .entry(name.clone())
            .or_insert_with(|| Part::starting(name))
            .clone()
    }

    /// Says that the process takes no more work, whatever its parts say.
    pub fn stopping(&self) {
        self.part(PROCESS_PART).not_ready("stopping");
    }

    /// Adds the parts that are to come, so that nobody takes a process for ready that has only
    /// begun.
    pub fn expect(&self, parts: &[&str]) {
        for part in parts {
            self.part(part);
        }
    }

    /// What the parts say now.
    pub fn report(&self) -> Report {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let parts: BTreeMap<_, _> = parts
            .iter()
            .map(|(name, part)| (name.clone(), PartReport::of(part)))
            .collect();
        Report {
            ready: parts.values().all(|part| part.ready),
            parts,
        }
    }
}

impl Part {
    fn starting(name: String) -> Self {
        Self {
            name,
            state: watch::Sender::new(State::NotReady("starting".to_owned())),
            note: Arc::default(),
        }
    }

    /// The part's name, with the prefix of the registry it was made by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Says that it works; says so in the log when it did not before.
    pub fn ready(&self) {
        let changed = self.state.send_if_modified(|state| {
            let changed = *state != State::Ready;
            *state = State::Ready;
            changed
        });
        if changed {
            tracing::info!(part = self.name, "{} is ready", self.name);
        }
    }

    /// Says that it does not work and why; says so in the log when it did before.
    pub fn not_ready(&self, reason: impl Into<String>) {
        let reason = reason.into();
        let mut worked = false;
        self.state.send_if_modified(|state| {
            worked = *state == State::Ready;
            let new = State::NotReady(reason.clone());
            let changed = *state != new;
            *state = new;
            changed
        });
        if worked {
            tracing::warn!(
                part = self.name,
                reason,
                "{} is not ready: {reason}",
                self.name
            );
        }
    }

    /// Says beside its readiness what is worth knowing, as that it works by other means; `None`
    /// when there is nothing. Free of secrets and of personal data.
    pub fn note(&self, note: Option<String>) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = note;
    }

    /// Whether it works now.
    pub fn is_ready(&self) -> bool {
        *self.state.borrow() == State::Ready
    }

    /// Follows what it says of itself.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Waits until it works: at once if it does.
    pub async fn wait_ready(&self) {
        self.wait_for(|state| *state == State::Ready).await;
    }

    /// Waits until it does not work: at once if it does not.
    pub async fn wait_not_ready(&self) {
        self.wait_for(|state| *state != State::Ready).await;
    }

    async fn wait_for(&self, wanted: impl FnMut(&State) -> bool) {
        // The sender lives in `self`, so the channel cannot close while this waits.
        let _ = self.state.subscribe().wait_for(wanted).await;
    }
}

/// The dependencies of a consumer: open while all of them work.
#[derive(Clone, Debug)]
pub struct Gate {
    parts: Vec<Part>,
}

impl Gate {
    /// A gate that needs all of `parts`; without any it is always open.
    pub fn new(parts: Vec<Part>) -> Self {
        Self { parts }
    }

    /// Whether all of them work now.
    pub fn is_open(&self) -> bool {
        self.parts.iter().all(Part::is_ready)
    }

    /// Follows the gate from this moment on.
    pub fn follow(&self) -> Calm {
        Calm {
            states: self.parts.iter().map(Part::watch).collect(),
        }
    }

    /// Waits until all of them work at one moment.
    pub async fn wait_open(&self) {
        while let Some(part) = self.parts.iter().find(|part| !part.is_ready()) {
            part.wait_ready().await;
        }
    }
}

/// A gate that is followed: what tells an outage, even one that is over, from a failure.
#[derive(Clone, Debug)]
pub struct Calm {
    states: Vec<watch::Receiver<State>>,
}

impl Calm {
    /// Whether the gate has been open all the time since it is followed.
    pub fn holds(&self) -> bool {
        // A part that is gone has not changed.
        let still = |state: &watch::Receiver<State>| !state.has_changed().unwrap_or(false);
        self.states
            .iter()
            .all(|state| still(state) && *state.borrow() == State::Ready)
    }
}

impl PartReport {
    fn of(part: &Part) -> Self {
        let note = part.note.lock().unwrap_or_else(PoisonError::into_inner);
        let note = note.clone();
        let (ready, reason) = match &*part.state.borrow() {
            State::Ready => (true, None),
            State::NotReady(reason) => (false, Some(reason.clone())),
        };
        Self {
            ready,
            reason,
            note,
        }
    }
}

#[cfg(test)]
mod tests;
