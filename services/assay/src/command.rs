//! Owns the way of an order: published first, carried out by the service that owns the table, and
//! waited for until its outcome is a row.

use std::time::Duration;

use anyhow::{Context as _, bail};
use contract::ids::CommandId;
use contract::message::Message;
use retry::delays::Delays;
use retry::policy::QUICK;
use serde_json::Value;
use store::command::{self, CommandRow};

use crate::context::Context;

/// Longest wait for an outcome, in seconds. A lab with a long history takes its time.
const OUTCOME_SECS_MAX: u64 = 120;

/// What became of an order.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Carried out, with what came of it.
    Accepted(Value),
    /// Not carried out, and why.
    Refused(String),
}

/// Publishes an order and waits for its outcome.
pub(crate) async fn send<M: Message>(
    context: &Context,
    id: CommandId,
    order: &M,
) -> anyhow::Result<Outcome> {
    let bus = context.bus().await?;
    let mut ledger = context.reader().await?;
    bus.publish(order).await.context("publish the command")?;
    let waiting = async {
        let mut delays = Delays::new(&QUICK);
        loop {
            if let Some(row) = command::find(&mut ledger, id).await? {
                return anyhow::Ok(outcome_of(row));
            }
            tokio::time::sleep(delays.next()).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(OUTCOME_SECS_MAX), waiting).await {
        Ok(outcome) => outcome,
        Err(_) => bail!(
            "the command {id} is queued and has no outcome after {OUTCOME_SECS_MAX} s: it is \
             carried out when its service is up (see `assay status`)"
        ),
    }
}

/// What a command's row says became of it.
pub(crate) fn outcome_of(row: CommandRow) -> Outcome {
    match row.reason {
        Some(reason) => Outcome::Refused(reason),
        None => Outcome::Accepted(row.result.unwrap_or_default()),
    }
}
