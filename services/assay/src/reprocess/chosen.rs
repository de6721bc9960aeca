//! Owns the choice of attempts on the command line: each filter, and what it is told that is wrong
//! with it.

use anyhow::bail;
use clap::Args;
use contract::ids::{DeliveryId, SessionId};
use contract::name::{Repository, Slug};
use contract::reprocess::Selection;
use contract::result::{ErrorCause, NewestResult};
use store::lab_session;
use store::pool::Connection;

use crate::context::Context;
use crate::moment::Moment;

/// Which attempts: those for which all holds that is said.
#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// Their newest result: pass, fail, error or none.
    #[arg(long, value_parser = result)]
    result: Option<NewestResult>,
    /// The cause of their newest error, such as source-unavailable.
    #[arg(long, value_parser = cause)]
    cause: Option<ErrorCause>,
    /// The lab's short name.
    #[arg(long)]
    lab: Option<Slug>,
    /// The session.
    #[arg(long)]
    session: Option<SessionId>,
    /// The repository, as source:owner/name.
    #[arg(long)]
    repository: Option<Repository>,
    /// Received at or after: 2d ago, or a time.
    #[arg(long)]
    since: Option<Moment>,
    /// Received before: 2h ago, or a time.
    #[arg(long)]
    until: Option<Moment>,
    /// The delivery that first brought them: our id, the forge's id, or the trace id.
    #[arg(long)]
    delivery: Option<String>,
}

fn result(text: &str) -> Result<NewestResult, String> {
    let known = NewestResult::ALL.iter().map(|word| word.as_str());
    text.parse().map_err(|_| unknown(text, "result", known))
}

fn cause(text: &str) -> Result<ErrorCause, String> {
    let known = ErrorCause::ALL.iter().map(|word| word.as_str());
    text.parse().map_err(|_| unknown(text, "cause", known))
}

fn unknown<'a>(text: &str, what: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.collect();
    format!("{text:?} is no {what}: write one of {}", known.join(", "))
}

/// The selection that is meant; an error where it names what is not there.
pub(super) async fn selection(
    context: &Context,
    ledger: &mut Connection,
    chosen: &Chosen,
) -> anyhow::Result<Selection> {
    let delivery = match &chosen.delivery {
        None => None,
        Some(text) => Some(delivery(context, ledger, text).await?),
    };
    let selection = Selection {
        result: chosen.result,
        cause: chosen.cause,
        lab: chosen.lab.clone(),
        session: chosen.session,
        repository: chosen.repository.clone(),
        since: chosen.since.map(|moment| moment.0),
        until: chosen.until.map(|moment| moment.0),
        delivery,
    };
    if let Some(why) = selection.contradiction() {
        bail!("{why}");
    }
    if let Some(lab) = &selection.lab
        && lab_session::newest_version(ledger, lab).await?.is_none()
    {
        bail!("no lab {lab} is published: see `assay lab list`");
    }
    if let Some(session) = selection.session
        && !lab_session::exists(ledger, session).await?
    {
        bail!("no session {session} is open: `assay results --lab L --json` names a lab's");
    }
    Ok(selection)
}

/// Finds a delivery by our id, its trace id, or the forge's id.
async fn delivery(
    context: &Context,
    ledger: &mut Connection,
    text: &str,
) -> anyhow::Result<DeliveryId> {
    let sources = context.settings.sources.keys();
    let forges = sources.map(|source| DeliveryId::compute(source.as_str(), text));
    for id in text.parse().ok().into_iter().chain(forges) {
        if store::delivery::find(ledger, id).await?.is_some() {
            return Ok(id);
        }
    }
    bail!("no delivery {text} is recorded: give our id, the forge's id, or the trace id")
}
