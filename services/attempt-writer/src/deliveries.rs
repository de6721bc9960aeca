//! Owns taking deliveries from the queue: read, record in one transaction, publish what follows.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bus::consume::{BatchHandler, Outcome};
use bus::error::PublishError;
use bus::incoming::Incoming;
use bus::outgoing::Outgoing;
use contract::delivery::BodyPlace;
use futures::StreamExt;
use futures::future::{BoxFuture, join_all};
use futures::stream;
use objects::store::{Objects, ObjectsError};
use process::dependency::Dependency;
use process::settings::Settings;
use service::ground::Ground;
use service::together::{self, Together};
use store::error::StoreError;
use store::{delivery, transaction, verification_request};
use tracing::{Instrument, Span, info_span};

use crate::open::opening;
use crate::plan::Standing;
use crate::pseudonym::Pseudonyms;
use crate::seal::MasterKeys;
use crate::taken::{Taken, take};
use crate::write::{self, Recorded};
use crate::{bodies, take_in};

/// Bodies that are fetched and read at one time.
const TAKING_MAX: usize = 8;
/// Pause before a delivery is tried again whose body could not be read, in seconds.
const BODY_RETRY_SECS: u64 = 2;

/// Records deliveries.
pub(crate) struct Deliveries {
    pub(crate) ground: Ground,
    pub(crate) settings: Arc<Settings>,
    pub(crate) objects: Objects,
    pub(crate) store_of_objects: Dependency,
    pub(crate) pseudonyms: Arc<Pseudonyms>,
    pub(crate) masters: Arc<MasterKeys>,
}

impl BatchHandler for Deliveries {
    async fn handle(&self, batch: &[Incoming]) -> Vec<Outcome> {
        let span = info_span!(
            "record",
            otel.name = "attempt-writer batch",
            messages = batch.len()
        );
        for incoming in batch {
            bus::trace::link(&span, incoming.span());
        }
        self.settle(batch).instrument(span).await
    }
}

impl Together for Deliveries {
    type One = Taken;
    type Done = Recorded;

    async fn transact(&self, takens: &[Taken]) -> Result<Vec<Recorded>, StoreError> {
        let mut conn = self.ground.store.connection().await?;
        let (pseudonyms, masters) = (&self.pseudonyms, &self.masters);
        let work = async |conn: &mut _| write::record(conn, takens, pseudonyms, masters).await;
        transaction::by_keys(&mut conn, work).await
    }

    fn ground(&self) -> &Ground {
        &self.ground
    }
}

impl Deliveries {
    async fn settle(&self, batch: &[Incoming]) -> Vec<Outcome> {
        let mut taking: Vec<BoxFuture<'_, _>> = Vec::with_capacity(batch.len());
        for incoming in batch {
            let taken = take(incoming, self);
            taking.push(Box::pin(taken));
        }
        // Few at a time: a body may be large, and of a batch only what was parsed is held.
        let taking = stream::iter(taking)
            .buffered(TAKING_MAX)
            .collect::<Vec<_>>();
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(batch.len());
        let (mut takens, mut places) = (Vec::new(), Vec::new());
        for (place, taken) in taking.await.into_iter().enumerate() {
            match taken {
                Ok(taken) => {
                    takens.push(taken);
                    places.push(place);
                    outcomes.push(None);
                }
                Err(outcome) => outcomes.push(Some(outcome)),
            }
        }
        let mut recorded = together::record(self, &takens).await;
        self.publish_together(&takens, &mut recorded).await;
        let waiting = &self.waiting(&takens, &recorded).await;
        let following = takens.iter().zip(recorded).map(|(taken, recorded)| async {
            match recorded {
                Ok(recorded) => {
                    self.follow(taken, recorded, waiting)
                        .instrument(taken.span.clone())
                        .await
                }
                Err(outcome) => outcome,
            }
        });
        for (place, outcome) in places.into_iter().zip(join_all(following).await) {
            outcomes[place] = Some(outcome);
        }
        // Every place was filled: by what could not be read, or by what was.
        outcomes.into_iter().flatten().collect()
    }

    /// What becomes of a message whose object could not be had or put.
    pub(crate) fn objects_refused(&self, error: &ObjectsError) -> Outcome {
        if error.is_transient() {
            tracing::warn!(%error, "the body of a delivery cannot be had now");
            // Nothing more is pulled until the store answers: an outage is not the message's.
            self.store_of_objects.report_trouble(error.to_string());
            return Outcome::Later(Duration::from_secs(BODY_RETRY_SECS));
        }
        Outcome::Never(format!("the body of the delivery: {error}"))
    }

    /// Publishes what follows the new ones of a batch together, with as few syncs as can be, and
    /// takes it off their hands. What cannot go so is left to each alone.
    async fn publish_together(&self, takens: &[Taken], recorded: &mut [Result<Recorded, Outcome>]) {
        let service = self.ground.bus.service();
        let (mut jobs, mut unchecked) = (Vec::new(), Vec::new());
        for (taken, recorded) in takens.iter().zip(recorded.iter()) {
            let Ok(recorded) = recorded else { continue };
            if recorded.standing == Standing::First {
                let made = taken.span.in_scope(|| followers(service, recorded));
                // One that cannot be written is told of when it goes alone.
                let Ok(made) = made else {
                    return;
                };
                jobs.extend(made.jobs);
                unchecked.extend(made.unchecked);
            }
        }
        if jobs.len() + unchecked.len() < 2 {
            return;
        }
        let bus = &self.ground.bus;
        let both = tokio::try_join!(bus.publish_all(&jobs), bus.publish_bundled(&unchecked));
        if let Err(error) = both {
            tracing::debug!(%error, "what follows a batch is published one by one");
            return;
        }
        for recorded in recorded.iter_mut().flatten() {
            if recorded.standing == Standing::First {
                recorded.jobs.clear();
                recorded.unchecked.clear();
            }
        }
    }

    /// Of the repositories whose sessions a batch opened, those with deliveries that came before and that
    /// no session took. It is asked once for the batch: hardly one has any.
    async fn waiting(
        &self,
        takens: &[Taken],
        recorded: &[Result<Recorded, Outcome>],
    ) -> Result<HashSet<String>, StoreError> {
        let opened = takens
            .iter()
            .zip(recorded)
            .filter(|(_, recorded)| recorded.as_ref().is_ok_and(|recorded| recorded.opened))
            .filter_map(|(taken, _)| Some(taken.pushed.first()?.repository.as_str()));
        let opened: HashSet<&str> = opened.collect();
        if opened.is_empty() {
            return Ok(HashSet::new());
        }
        let opened: Vec<&str> = opened.into_iter().collect();
        let mut conn = self.ground.store.connection().await?;
        let look = async |conn: &mut _| delivery::unmatched_repositories(conn, &opened).await;
        transaction::by_keys(&mut conn, look).await
    }

    /// Publishes what follows. Runs again when the message comes again, because a crash may have
    /// come between the commit and this. `waiting` is what the batch found of
    /// [such repositories](Self::waiting).
    async fn follow(
        &self,
        taken: &Taken,
        recorded: Recorded,
        waiting: &Result<HashSet<String>, StoreError>,
    ) -> Outcome {
        count(taken, &recorded);
        if let Err(outcome) = bodies::settle_object(self, taken).await {
            return outcome;
        }
        if recorded.standing == Standing::Repeat {
            match self.is_answered(&recorded).await {
                Ok(true) => return Outcome::Done,
                Ok(false) => {}
                Err(error) => return self.ground.ledger_refused(&error),
            }
        }
        let bus = &self.ground.bus;
        let published = match followers(bus.service(), &recorded) {
            Ok(Followers { jobs, unchecked }) => {
                let both = tokio::try_join!(bus.publish_all(&jobs), bus.publish_all(&unchecked));
                both.map(drop)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = published {
            return self.ground.bus_refused(&error);
        }
        if let (true, Some(pushed)) = (recorded.opened, taken.pushed.first()) {
            match waiting {
                Ok(waiting) if waiting.contains(pushed.repository.as_str()) => {}
                Ok(_) => return Outcome::Done,
                Err(error) => return self.ground.ledger_refused(error),
            }
            let cause = opening(taken.received.delivery);
            let taken_in =
                take_in::unmatched(&self.ground, &self.masters, &pushed.repository, &cause).await;
            return taken_in.err().unwrap_or(Outcome::Done);
        }
        Outcome::Done
    }

    /// Whether every request of these jobs has a result: then a repeat has nothing to set going.
    /// One that has none may have been lost with the broker's data.
    async fn is_answered(&self, recorded: &Recorded) -> Result<bool, StoreError> {
        let preserved = recorded.jobs.iter().flat_map(|job| &job.attempts);
        let unchecked = recorded.unchecked.iter().flat_map(|job| &job.requests);
        let requests: Vec<_> = preserved
            .filter_map(|attempt| attempt.request)
            .chain(unchecked.copied())
            .map(|request| request.as_uuid())
            .collect();
        let mut conn = self.ground.store.connection().await?;
        let answered = verification_request::answered(&mut conn, &requests).await?;
        Ok(answered.len() == requests.len())
    }
}

/// The messages that follow.
struct Followers {
    jobs: Vec<Outgoing>,
    /// Those that a handler of batches takes.
    unchecked: Vec<Outgoing>,
}

fn followers(service: &str, recorded: &Recorded) -> Result<Followers, PublishError> {
    let jobs = recorded.jobs.iter().map(|job| Outgoing::of(service, job));
    let unchecked = recorded.unchecked.iter();
    let unchecked = unchecked.map(|job| Outgoing::of(service, job));
    Ok(Followers {
        jobs: jobs.collect::<Result<_, _>>()?,
        unchecked: unchecked.collect::<Result<_, _>>()?,
    })
}

fn count(taken: &Taken, recorded: &Recorded) {
    let standing = match recorded.standing {
        Standing::First if taken.pushed.is_empty() => "no-push",
        Standing::First if !recorded.matched => "unmatched",
        Standing::First => "new",
        Standing::Again => "redelivered",
        Standing::Repeat => "duplicate",
        Standing::Conflict => "conflict",
    };
    metrics::counter!("assay_deliveries_recorded_total", "standing" => standing).increment(1);
    let span = Span::current();
    span.record("assay.standing", standing);
    tracing::debug!(delivery.id = %taken.received.delivery, standing, "recorded a delivery");
    if recorded.standing == Standing::Conflict && taken.received.body != BodyPlace::Ledger {
        metrics::counter!(
            "assay_delivery_conflicts_total", "source" => taken.received.source.to_string()
        )
        .increment(1);
        tracing::error!(
            delivery.id = %taken.received.delivery,
            "the delivery id came with another body: see delivery_conflict"
        );
    }
}
