//! Owns the ear of a neighbour: it hears what snapshot-builder would be told.

use std::sync::{Arc, Mutex};

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use contract::job::SnapshotRequested;

pub(super) struct Ear(pub(super) Arc<Mutex<Vec<SnapshotRequested>>>);

impl Handler for Ear {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let message = incoming.decode().unwrap();
        self.0.lock().unwrap().push(message);
        Outcome::Done
    }
}
