//! Owns the log's new epoch: what was restored must not go on under a name for which more may have
//! been signed than it has.

use anyhow::Context as _;
use auditor::epoch::{self, Cause};
use contract::time::now;
use serde_json::{Value, json};

use crate::restore::newest::Newer;
use crate::restore::steps::Restoring;
use crate::restore::target::Target;

/// Why, as the log says it.
const REASON: &str = "the ledger was restored from a backup";
/// Who.
const ACTOR: &str = "operator";

/// Opens the epoch, linked to the newest checkpoint that is known.
pub(super) async fn open(
    target: &Target,
    restoring: &mut Restoring,
    newer: &Newer,
) -> anyhow::Result<Value> {
    newer.publish(target).await?;
    let cause = Cause {
        reason: REASON,
        actor: ACTOR,
        at: now(),
    };
    let base = &target.settings.log.origin;
    let opened = epoch::open(
        &mut restoring.conn,
        &target.objects,
        base,
        &newer.notes,
        cause,
    );
    let opened = opened.await.context("open a new epoch of the log")?;
    let previous = opened.previous.map(|(said, _)| said);
    match &previous {
        Some(said) => eprintln!(
            "the log: epoch {} is opened, after {} leaves of {}",
            opened.epoch, said.size, said.origin
        ),
        None => eprintln!(
            "the log: epoch {} is opened; nothing was signed before",
            opened.epoch
        ),
    }
    Ok(json!({
        "epoch": opened.epoch,
        "origin": opened.origin,
        "previous_origin": previous.as_ref().map(|said| &said.origin),
        "previous_size": previous.as_ref().map(|said| said.size),
        "queued_again": opened.queued_again,
    }))
}
