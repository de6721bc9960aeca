//! Owns the results of labs that have nothing run: many requests, recorded in one transaction. Such
//! a request needs no turn, no slot, no lease and no claim: it has its result when somebody works on
//! it. Nothing follows it.

mod plan;
mod versions;
mod write;

use bus::consume::{BatchHandler, Outcome};
use bus::incoming::Incoming;
use contract::time;
use contract::unchecked::UncheckedRequested;
use service::ground::Ground;
use service::together::{self, Together};
use store::error::StoreError;
use store::transaction;
use tracing::{Instrument, info_span};

use crate::result::integer;
use crate::unchecked::plan::{Asked, By, Standing};
use crate::unchecked::versions::Versions;
use crate::verify::Verifier;

/// Messages that are taken at one time.
pub(crate) const MESSAGES_MAX: usize = 500;
/// Requests of one transaction, unless a single message has more.
const REQUESTS_PER_TRANSACTION_MAX: usize = 3_000;
/// Pause before a message is tried again that names a request which another one of its batch names
/// as well, in seconds.
const AGAIN_SECS: u64 = 1;

/// Records what nothing is run for.
pub(crate) struct Unchecked {
    ground: Ground,
    versions: Versions,
    by: By,
}

impl BatchHandler for Unchecked {
    async fn handle(&self, batch: &[Incoming]) -> Vec<Outcome> {
        let span = info_span!(
            "record",
            otel.name = "verifier-unchecked batch",
            messages = batch.len()
        );
        for incoming in batch {
            bus::trace::link(&span, incoming.span());
        }
        self.settle(batch).instrument(span).await
    }
}

impl Together for Unchecked {
    type One = Asked;
    type Done = Standing;

    async fn transact(&self, asked: &[Asked]) -> Result<Vec<Standing>, StoreError> {
        let mut conn = self.ground.store.connection().await?;
        let (versions, by) = (&self.versions, &self.by);
        let work = async |conn: &mut _| write::write(conn, versions, by, asked).await;
        transaction::by_keys(&mut conn, work).await
    }

    fn ground(&self) -> &Ground {
        &self.ground
    }
}

impl Unchecked {
    pub(crate) fn new(verifier: &Verifier) -> Self {
        Self {
            ground: verifier.ground.clone(),
            versions: Versions::default(),
            by: By {
                worker: verifier.worker.clone(),
                runner: verifier.runner.clone(),
                allow_executor_none: verifier.allow_executor_none,
            },
        }
    }

    async fn settle(&self, batch: &[Incoming]) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(batch.len());
        let mut asked = Vec::with_capacity(batch.len());
        for incoming in batch {
            match incoming.decode::<UncheckedRequested>() {
                Ok(job) => {
                    asked.push(Asked {
                        try_number: integer(job.try_number),
                        job,
                        traceparent: bus::trace::traceparent_of(incoming.span()),
                    });
                    outcomes.push(None);
                }
                Err(reason) => outcomes.push(Some(Outcome::Never(reason))),
            }
        }
        let begun = time::now();
        let mut recorded = Vec::with_capacity(asked.len());
        for part in plan::parts(&asked, REQUESTS_PER_TRANSACTION_MAX) {
            recorded.extend(together::record(self, part).await);
        }
        let mut recorded = recorded.into_iter();
        let outcomes = outcomes.into_iter().map(|known| {
            let outcome = known.or_else(|| recorded.next().map(outcome));
            outcome.expect("each message was read or recorded")
        });
        let outcomes = outcomes.collect();
        let took = (time::now() - begun).to_std().unwrap_or_default();
        tracing::debug!(
            messages = batch.len(),
            ?took,
            "recorded what nothing is run for"
        );
        outcomes
    }
}

fn outcome(recorded: Result<Standing, Outcome>) -> Outcome {
    match recorded {
        Ok(Standing::Recorded(results)) => {
            for (result, count) in results {
                let counted = metrics::counter!("assay_verifications_total", "result" => result);
                counted.increment(count);
            }
            Outcome::Done
        }
        Ok(Standing::Again) => Outcome::Later(std::time::Duration::from_secs(AGAIN_SECS)),
        Ok(Standing::Never(reason)) => Outcome::Never(reason),
        Err(outcome) => outcome,
    }
}
