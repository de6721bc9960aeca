//! Owns the beginning of a leader's term: where the log ended, whether it may be continued, and by
//! which key it is signed.

use std::sync::Arc;

use contract::time;
use store::audit_entry::{self, PendingEntry};
use store::log_epoch::{self, EpochRow};
use store::pool::Dedicated;
use store::{log_checkpoint, log_head, log_key};
use tlog::epoch;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::head::{Blocked, Head, column};
use crate::keys::CannotSign;
use crate::lead::{Auditor, chain, in_time, show_lag};
use crate::publish::Epoch;
use crate::sequence::{Sequencer, StepError};
use crate::signer::Signer;

/// What a leader has in hands.
pub(crate) struct Term {
    pub(crate) sequencer: Sequencer,
    pub(crate) epoch: Epoch,
    /// What signs; `None` where nothing can.
    pub(crate) signer: Option<Signer>,
    /// Whether what is published was read, and may be built upon.
    pub(crate) cleared: watch::Sender<bool>,
}

impl Auditor {
    /// Reads where the log ended, and whether it may be continued.
    pub(crate) async fn take_over(&self, mut conn: Dedicated) -> Result<Term, StepError> {
        show_lag(&mut conn).await?;
        let new = Head::new(&self.base, epoch::FIRST);
        if log_head::standing(&mut conn).await?.is_none() {
            log_epoch::begin(&mut conn, &first_epoch(&self.base)).await?;
            log_head::begin(&mut conn, &new.row()).await?;
        }
        let kept = log_head::standing(&mut conn).await?.ok_or(Blocked::Gone)?;
        let head = Head::judge(&kept, &self.base)?;
        let epoch = Epoch {
            number: head.epoch,
            origin: head.origin.clone(),
            recent: Arc::default(),
        };
        let cleared = match in_time(self.publisher.look(&epoch, head.tree.size())).await {
            Ok(_) => true,
            Err(StepError::Blocked(blocked)) => return Err(blocked.into()),
            Err(error) => {
                let reason = CannotSign::Unread(chain(&error));
                warn!(%reason, "nothing is signed yet: {reason}");
                self.signing.not_ready(reason.to_string());
                false
            }
        };
        let signer = self.signer(&mut conn).await?;
        let sequencer = Sequencer {
            conn,
            head,
            recent: epoch.recent.clone(),
            signed_at: None,
        };
        sequencer.show();
        Ok(Term {
            sequencer,
            epoch,
            signer,
            cleared: watch::Sender::new(cleared),
        })
    }

    /// What signs, by what the log is signed by; the change of a key that is due is written down.
    async fn signer(&self, conn: &mut Dedicated) -> Result<Option<Signer>, StepError> {
        let Ok(keys) = &self.keys else {
            return Ok(None);
        };
        let changes = log_key::changes(conn).await?;
        let mut newest = None;
        for row in log_epoch::all(conn).await?.iter().rev() {
            newest = log_checkpoint::newest(conn, &row.origin).await?;
            if newest.is_some() {
                break;
            }
        }
        let judged = Signer::judge(keys, &changes, newest.as_ref()).and_then(|mut signer| {
            let entry = signer.announce(time::now())?;
            Ok((signer, entry))
        });
        match judged {
            Ok((signer, entry)) => {
                if let Some(entry) = entry {
                    info!("the log's key is to be changed: a leaf will say so");
                    let traceparent = None;
                    let pending = PendingEntry { entry, traceparent };
                    audit_entry::append(conn, &[pending]).await?;
                }
                Ok(Some(signer))
            }
            Err(reason) => {
                error!(error = %reason, "the log grows, but is not signed: {reason}");
                self.signing.not_ready(reason.to_string());
                Ok(None)
            }
        }
    }
}

/// The epoch that a new log begins with.
fn first_epoch(base: &str) -> EpochRow {
    EpochRow {
        epoch: column(epoch::FIRST),
        origin: base.to_owned(),
        previous_origin: None,
        previous_size: None,
        previous_root: None,
        previous_note: None,
        reason: "the log was begun".to_owned(),
        recorded_at: time::now(),
    }
}
