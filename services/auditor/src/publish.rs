//! Owns publishing the log as files: what was signed is put into the object store, tiles first and
//! the checkpoint last, beside the log's steps and after their commits. Where it is stands in the
//! store alone, so that a restart goes on from there.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use objects::store::{Objects, ObjectsError};
use process::health::Part;
use retry::delays::Delays;
use retry::policy::Policy;
use store::error::StoreError;
use store::pool::{Connection, Store};
use store::{log_checkpoint, log_epoch};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::warn;

use crate::epoch::published_note;
use crate::head::{Blocked, column};
use crate::published::{self, Standing};
use crate::recent::Recent;

mod pass;

/// How publishing comes back after it failed.
const COME_BACK: Policy = Policy {
    first: Duration::from_millis(100),
    factor: 2.0,
    max: Duration::from_secs(10),
    give_up_after: None,
};

/// What publishes the log.
pub(crate) struct Publisher {
    pub(crate) store: Store,
    pub(crate) objects: Objects,
    /// Whether what is signed is published.
    pub(crate) part: Part,
}

/// Why what was signed could not be published.
#[derive(Debug, Error)]
pub(crate) enum PublishError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    #[error(transparent)]
    Blocked(#[from] Blocked),
}

/// An epoch of the log, as publishing knows it.
#[derive(Clone, Debug)]
pub(crate) struct Epoch {
    pub(crate) number: u64,
    pub(crate) origin: String,
    /// Its newest leaves, where it is the one that is led.
    pub(crate) recent: Arc<Recent>,
}

impl Publisher {
    /// How far an epoch is published, judged against the checkpoints that the ledger has.
    pub(crate) async fn look(&self, epoch: &Epoch, size: u64) -> Result<u64, PublishError> {
        let newest = self.objects.log_epochs().await?.last().copied();
        self.look_beside(epoch, size, newest.unwrap_or_default())
            .await
    }

    /// The same with another newest epoch that has files.
    async fn look_beside(
        &self,
        epoch: &Epoch,
        size: u64,
        newest_published: u64,
    ) -> Result<u64, PublishError> {
        let note = published_note(&self.objects, epoch.number).await?;
        let said = note.as_deref().map(published::read).transpose()?;
        let ours = match &said {
            Some(said) => {
                let mut conn = self.store.connection().await?;
                log_checkpoint::at(&mut conn, &epoch.origin, column(said.size)).await?
            }
            None => None,
        };
        let standing = Standing {
            epoch: epoch.number,
            size,
            newest_published,
        };
        Ok(standing.judge(said.as_ref(), ours.as_ref())?)
    }

    /// Publishes what is signed, for as long as this auditor leads: `signed` says how far that is.
    /// `cleared` hears that the published log is one that may be built upon. Ends when nothing more
    /// will be signed, or because it may not be built upon.
    pub(crate) async fn run(
        &self,
        epoch: &Epoch,
        mut signed: watch::Receiver<u64>,
        cleared: &watch::Sender<bool>,
    ) -> Result<(), Blocked> {
        let mut delays = Delays::new(&COME_BACK);
        loop {
            match self.follow(epoch, &mut signed, cleared, &mut delays).await {
                Ok(()) => return Ok(()),
                Err(PublishError::Blocked(blocked)) => return Err(blocked),
                Err(error) => {
                    let reason = chain(&error);
                    warn!(reason, "the log is not published: {reason}");
                    self.part.not_ready(reason);
                }
            }
            sleep(delays.next()).await;
        }
    }

    /// Publishes until nothing more will be signed.
    async fn follow(
        &self,
        epoch: &Epoch,
        signed: &mut watch::Receiver<u64>,
        cleared: &watch::Sender<bool>,
        delays: &mut Delays,
    ) -> Result<(), PublishError> {
        let begun = *signed.borrow_and_update();
        // What is published is part of what was signed: it is at most as large.
        let published = self.look(epoch, begun).await?;
        cleared.send_replace(true);
        self.finish_older(epoch).await?;
        let mut conn = self.store.connection().await?;
        let mut growing = self.resume(&mut conn, epoch, published).await?;
        show(growing.size());
        loop {
            while self.publish_next(&mut conn, epoch, &mut growing).await? {
                delays.reset();
            }
            self.part.ready();
            if signed.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Publishes what earlier epochs have signed and not published, and what was lost of it. What is
    /// published of them otherwise stays as it is: that is why they ended.
    async fn finish_older(&self, current: &Epoch) -> Result<(), PublishError> {
        let mut conn = self.store.connection().await?;
        for row in log_epoch::all(&mut conn).await? {
            let epoch = Epoch {
                number: row.epoch.unsigned_abs(),
                origin: row.origin,
                recent: Arc::default(),
            };
            if epoch.number >= current.number {
                break;
            }
            match self.finish(&mut conn, &epoch).await {
                Err(
                    error @ (PublishError::Blocked(_)
                    | PublishError::Objects(ObjectsError::Differs { .. })),
                ) => {
                    let (epoch, reason) = (epoch.number, chain(&error));
                    warn!(
                        log.epoch = epoch,
                        reason,
                        "epoch {epoch} is published otherwise than the ledger has it: {reason}"
                    );
                }
                finished => finished?,
            }
        }
        Ok(())
    }

    /// Publishes the rest of an epoch that ended.
    async fn finish(&self, conn: &mut Connection, epoch: &Epoch) -> Result<(), PublishError> {
        let newest = log_checkpoint::newest(conn, &epoch.origin).await?;
        let signed = newest.map_or(0, |row| row.tree_size.unsigned_abs());
        // That there are files of newer ones says nothing of this one.
        let published = self.look_beside(epoch, signed, epoch.number).await?;
        let mut growing = self.resume(conn, epoch, published).await?;
        while self.publish_next(conn, epoch, &mut growing).await? {}
        Ok(())
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a gauge of more than 2^53 leaves may round"
)]
fn show(size: u64) {
    gauge!("assay_log_published_size").set(size as f64);
}

fn chain(error: &PublishError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
