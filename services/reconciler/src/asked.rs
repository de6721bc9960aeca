//! Owns the command that asks for a comparison: its outcome is a row that the caller reads.

use std::sync::Arc;
use std::time::Duration;

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use contract::command::ReconcileRequested;
use contract::message::Message;
use service::ground::AWAY_RETRY_SECS;
use store::command;

use crate::alone::alone;
use crate::compare::{Order, compare};
use crate::desk::Desk;
use crate::halt::Halt;
use crate::sources::Known;
use crate::{gauges, record};

/// Carries commands out.
pub(crate) struct Commands {
    pub(crate) desk: Arc<Desk>,
}

impl Handler for Commands {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let asked: ReconcileRequested = match incoming.decode() {
            Ok(asked) => asked,
            Err(reason) => return Outcome::Never(reason),
        };
        if incoming.subject != asked.subject() {
            return Outcome::Never("the command names another actor than its subject".to_owned());
        }
        match self.carry_out(&asked).await {
            Ok(()) => Outcome::Done,
            Err(halt) => {
                gauges::broken_off(asked.source.as_str());
                outcome(&self.desk, halt)
            }
        }
    }
}

impl Commands {
    async fn carry_out(&self, asked: &ReconcileRequested) -> Result<(), Halt> {
        let store = &self.desk.ground.store;
        if self.is_done(asked).await? {
            return Ok(());
        }
        let ended = match self.decide(asked) {
            Ok(known) => {
                let _lock = alone(&self.desk, &asked.source).await?;
                // Another copy of the command may have been carried out meanwhile.
                if self.is_done(asked).await? {
                    return Ok(());
                }
                let order = Order {
                    run: asked.command.as_uuid(),
                    name: &asked.source,
                    known: &known,
                    repository: asked.repository.as_ref(),
                    since: asked.since,
                    cause: format!("command:{}", asked.command),
                    plan: asked.plan,
                };
                Ok(compare(&self.desk, &order).await?)
            }
            Err(reason) => Err(reason),
        };
        Ok(record::outcome(store, asked, ended).await?)
    }

    async fn is_done(&self, asked: &ReconcileRequested) -> Result<bool, Halt> {
        let mut conn = self.desk.ground.store.connection().await?;
        Ok(command::find(&mut conn, asked.command).await?.is_some())
    }

    /// The source that is to be compared, or why none is.
    fn decide(&self, asked: &ReconcileRequested) -> Result<Arc<Known>, String> {
        let name = &asked.source;
        let Some(known) = self.desk.sources.get(name) else {
            return Err(format!("no source {name} is configured"));
        };
        let other = |repository: &&contract::name::Repository| repository.source() != *name;
        if let Some(repository) = asked.repository.as_ref().filter(other) {
            return Err(format!("{repository} is no repository of source {name}"));
        }
        Ok(known)
    }
}

/// What becomes of the message of a comparison that was broken off.
fn outcome(desk: &Desk, halt: Halt) -> Outcome {
    match halt {
        Halt::Ledger(error) => desk.ground.ledger_refused(&error),
        Halt::Bus(error) => desk.ground.bus_refused(&error),
        Halt::Queue(error) => {
            tracing::warn!(%error, "the queue cannot be looked at");
            Outcome::Later(Duration::from_secs(AWAY_RETRY_SECS))
        }
        Halt::Stopped => Outcome::Later(Duration::ZERO),
    }
}
