//! Owns the work that can wait: commits found in git, and the pages of orders to reprocess.

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use contract::message::Message;
use contract::reprocess::ReprocessDue;
use service::ground::Ground;

use crate::found::Found;
use crate::reprocess::page;

/// Does the work that can wait.
pub(crate) struct Bulk {
    pub(crate) ground: Ground,
    pub(crate) found: Found,
}

impl Handler for Bulk {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        if incoming.header("ce-type") != Some(ReprocessDue::KIND) {
            return self.found.handle(incoming).await;
        }
        match incoming.decode::<ReprocessDue>() {
            Ok(due) => page::turn(&self.ground, &due).await,
            Err(reason) => Outcome::Never(reason),
        }
    }
}
