//! Owns the handling of [`LabPublishRequested`]. Every command ends with a row: accepted, or
//! refused and why. What is the lab author's to mend is a refusal, never a dead letter.

use std::collections::HashSet;
use std::sync::Arc;

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use contract::command::LabPublishRequested;
use contract::ids::LabId;
use contract::message::Message as _;
use contract::name::CommitSha;
use contract::time::now;
use lab::spec::LabSpec;
use objects::owner::Owner;

use crate::build::Builder;
use crate::desk::Desk;
use crate::git::cache::Cache;
use crate::lab_content::{NotRead, mismatch, not_built, read_spec, unchecked};
use crate::lab_record::{Preserved, Recorded, accept, refuse};
use crate::trouble::Trouble;

/// How often a tree is preserved anew because the lab was made meanwhile by somebody else. A
/// lab's id never changes, so once is enough.
const TRIES_MAX: u32 = 2;

/// Publishes labs.
pub(crate) struct Publish {
    desk: Arc<Desk>,
}

/// What came of the reading of a lab.
enum Reading {
    Preserved(Box<Preserved>),
    Refused(String),
}

impl Handler for Publish {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let request = match incoming.decode::<LabPublishRequested>() {
            Ok(request) => request,
            Err(reason) => return Outcome::Never(reason),
        };
        // The broker's permissions bind the subject, not the body.
        if incoming.subject != request.subject() {
            return Outcome::Never("the body names another actor than the subject".into());
        }
        match self.publish(&request).await {
            Ok(()) => Outcome::Done,
            Err(trouble) => trouble.outcome(incoming, &self.desk),
        }
    }
}

impl Publish {
    pub(crate) fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    async fn publish(&self, request: &LabPublishRequested) -> Result<(), Trouble> {
        let store = &self.desk.ground.store;
        let mut conn = store.connection().await?;
        let ended = store::command::find(&mut conn, request.command).await?;
        drop(conn);
        if ended.is_some() {
            return Ok(());
        }
        let mut lab = None;
        for _ in 0..TRIES_MAX {
            let preserved = match self.read(request, lab).await? {
                Reading::Preserved(preserved) => preserved,
                Reading::Refused(reason) => {
                    tracing::info!(assay.command.id = %request.command, reason, "refused a lab");
                    return Ok(refuse(store, request, &reason, now()).await?);
                }
            };
            match accept(store, request, &preserved, now()).await? {
                Recorded::Done => return Ok(()),
                Recorded::LabIs(other) => lab = Some(other),
            }
        }
        Err(Trouble::Hopeless(
            "the lab's id changed while it was published".into(),
        ))
    }

    async fn read(
        &self,
        request: &LabPublishRequested,
        lab: Option<LabId>,
    ) -> Result<Reading, Trouble> {
        match self.preserve(request, lab).await {
            Ok(preserved) => Ok(Reading::Preserved(Box::new(preserved))),
            Err(Stopped::NotRead(NotRead::Refused(reason))) => Ok(Reading::Refused(reason)),
            Err(Stopped::NotRead(NotRead::Trouble(err))) => Err(err.into()),
            Err(Stopped::Trouble(trouble)) => Err(trouble),
        }
    }

    async fn preserve(
        &self,
        request: &LabPublishRequested,
        lab: Option<LabId>,
    ) -> Result<Preserved, Stopped> {
        let refused = |reason: String| Stopped::NotRead(NotRead::Refused(reason));
        let origin = self.desk.origin_at(&request.location).map_err(refused)?;
        let caches = &self.desk.caches;
        let resolving = caches.resolve(&origin, request.reference.as_deref());
        let commit = resolving.await.map_err(NotRead::from)?;
        let cache = caches.hold(origin, &commit).await.map_err(NotRead::from)?;
        let spec = read_spec(&cache, &commit).await?;
        if let Some(reason) = unchecked(&spec, self.desk.verifier_settings()) {
            return Err(refused(reason));
        }
        let lab = match lab {
            Some(lab) => lab,
            None => self.lab_of(&spec).await?,
        };
        self.build(&cache, commit, spec, lab).await
    }

    async fn build(
        &self,
        cache: &Cache,
        commit: CommitSha,
        spec: LabSpec,
        lab: LabId,
    ) -> Result<Preserved, Stopped> {
        let nothing = HashSet::new();
        let mut builder = Builder::new(&self.desk.objects, Owner::Lab(lab), &nothing);
        let manifest = match builder.build(cache, &commit).await {
            Ok(manifest) => manifest,
            Err(err) => {
                let stopped = not_built(err).map_err(|err| Stopped::Trouble(err.into()))?;
                return Err(stopped.into());
            }
        };
        if let Some(reason) = mismatch(&spec, &manifest) {
            return Err(NotRead::Refused(reason).into());
        }
        Ok(Preserved {
            lab,
            spec,
            commit,
            digest: manifest.digest(),
            files: manifest.file_count(),
            bytes: manifest.total_bytes(),
        })
    }

    /// The lab of the spec's name, or an id for the lab to come.
    async fn lab_of(&self, spec: &LabSpec) -> Result<LabId, Stopped> {
        let finding = async {
            let mut conn = self.desk.ground.store.connection().await?;
            store::lab::find_by_slug(&mut conn, &spec.slug).await
        };
        let found = finding.await.map_err(|err| Stopped::Trouble(err.into()))?;
        Ok(found.map_or_else(LabId::new, |row| LabId::from_uuid(row.id)))
    }
}

/// What stopped the reading of a lab.
enum Stopped {
    NotRead(NotRead),
    Trouble(Trouble),
}

impl From<NotRead> for Stopped {
    fn from(not_read: NotRead) -> Self {
        Self::NotRead(not_read)
    }
}
