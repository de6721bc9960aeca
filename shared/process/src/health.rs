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

    /// What the parts say now.
    pub fn report(&self) -> Report {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let parts: BTreeMap<_, _> = parts
            .iter()
            .map(|(name, part)| (name.clone(), PartReport::of(&part.state.borrow())))
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

    /// Waits until all of them work at one moment.
    pub async fn wait_open(&self) {
        while let Some(part) = self.parts.iter().find(|part| !part.is_ready()) {
            part.wait_ready().await;
        }
    }
}

impl PartReport {
    fn of(state: &State) -> Self {
        match state {
            State::Ready => Self {
                ready: true,
                reason: None,
            },
            State::NotReady(reason) => Self {
                ready: false,
                reason: Some(reason.clone()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_every_part_says_so() {
        let health = Health::new();
        assert!(health.report().ready);
        let nats = health.part("nats");
        let ledger = health.within("writer").part("ledger");
        assert_eq!((nats.name(), ledger.name()), ("nats", "writer.ledger"));
        assert_eq!(
            health.report().parts["nats"].reason.as_deref(),
            Some("starting")
        );
        nats.ready();
        assert!(!health.report().ready);
        ledger.ready();
        assert!(health.report().ready);
        ledger.not_ready("no answer");
        let report = health.report();
        assert!(!report.ready && report.parts["nats"].ready);
        assert_eq!(
            report.parts["writer.ledger"].reason.as_deref(),
            Some("no answer")
        );
        // A part asked for again is the same part, and is not set back.
        assert!(health.part("nats").is_ready());
        ledger.ready();
        health.stopping();
        assert_eq!(
            health.report().parts["process"].reason.as_deref(),
            Some("stopping")
        );
    }

    #[tokio::test]
    async fn a_gate_opens_when_all_its_parts_work_at_one_moment() {
        let health = Health::new();
        let (nats, ledger) = (health.part("nats"), health.part("ledger"));
        let gate = Gate::new(vec![nats.clone(), ledger.clone()]);
        assert!(!gate.is_open());
        let opened = tokio::spawn({
            let gate = gate.clone();
            async move { gate.wait_open().await }
        });
        nats.ready();
        tokio::task::yield_now().await;
        nats.not_ready("gone");
        ledger.ready();
        tokio::task::yield_now().await;
        assert!(!opened.is_finished());
        nats.ready();
        opened.await.unwrap();
        assert!(gate.is_open());
        nats.not_ready("gone");
        nats.wait_not_ready().await;
        assert!(!gate.is_open());
        Gate::new(Vec::new()).wait_open().await;
    }
}
