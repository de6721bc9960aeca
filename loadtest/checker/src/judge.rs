//! Owns the thought: what was sent and answered, held against what the ledger has. No IO.

mod answers;
mod effects;
mod found;
mod queue;
#[cfg(test)]
mod tests;
mod verified;

use std::collections::HashMap;

use crate::ledger::Ledger;
use crate::sent::{Account, PushSent, Request};
use crate::verdict::Verdict;

/// Whether everything that waited should be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Drained {
    /// A request without a result is lost.
    Yes,
    /// It may still be in a queue.
    NotYet,
}

/// One body under one delivery id, however often it was sent.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    /// The first request that brought it.
    pub(crate) first: &'a Request,
    /// Whether any request that brought it was answered 2xx, and had to be recorded.
    pub(crate) promised: bool,
    /// The delivery's id, where the ledger has this body.
    pub(crate) recorded: Option<&'a str>,
}

impl Body<'_> {
    fn pushes(&self) -> &[PushSent] {
        &self.first.pushes
    }

    /// How a finding names it.
    fn name(&self) -> String {
        let Request {
            request,
            source,
            forge_delivery,
            body_sha256,
            ..
        } = self.first;
        format!("{source} {forge_delivery} body {body_sha256:.12} (request {request})")
    }
}

/// By source, forge's delivery id and body.
type Bodies<'a> = HashMap<(&'a str, &'a str, &'a str), Body<'a>>;

/// Says what is lost, doubled, wrong or unaccounted for.
pub(crate) fn judge(account: &Account, ledger: &Ledger, drained: Drained) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.faults.clone_from(&account.faults);
    let bodies = answers::judge(account, ledger, &mut verdict);
    let found = found::judge(account, ledger, &mut verdict);
    effects::judge(&bodies, &found, ledger, &mut verdict);
    found::silent(account, ledger, drained, &mut verdict);
    verified::judge(&bodies, &found, ledger, drained, &mut verdict);
    queue::judge(account, ledger, drained, &mut verdict);
    verdict
}
