//! Owns completeness: what the lanes promised is held against what the ledger has, and what is
//! missing is named. Beside the log's steps and never in their way: without the bus it waits, and
//! says that nothing is known meanwhile.

mod entry;
mod hole;
mod judge;
mod look;
mod manifest;
mod notice;

use std::sync::Arc;
use std::time::Duration;

use bus::consume::each;
use bus::topology::AUDITOR;
use process::health::{Health, Part};
use process::settings::Settings;
use process::settings::service::Service;
use retry::delays::Delays;
use retry::policy::Policy;
use service::ground::Ground;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::completeness::look::Looker;
use crate::completeness::notice::Recorder;

/// Messages of `AUDIT` that are recorded at one time.
const SLOTS: usize = 8;
/// How it comes back after it failed.
const COME_BACK: Policy = Policy {
    first: Duration::from_millis(100),
    factor: 2.0,
    max: Duration::from_secs(10),
    give_up_after: None,
};

/// What watches completeness.
pub(crate) struct Completeness {
    pub(crate) settings: Settings,
    /// What `/ready` says of it: never a reason not to be used, since the log goes on.
    pub(crate) part: Part,
    pub(crate) stop: CancellationToken,
}

impl Completeness {
    /// Watches until the stop signal.
    pub(crate) async fn run(&self) {
        self.part.ready();
        self.part.note(Some("nothing was looked at yet".to_owned()));
        let mut delays = Delays::new(&COME_BACK);
        while !self.stop.is_cancelled() {
            if let Err(error) = self.term().await
                && !self.stop.is_cancelled()
            {
                warn!(error = format!("{error:#}"), "completeness is not watched");
                self.part.note(Some(format!("not watched: {error:#}")));
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = sleep(delays.next()) => {}
            }
        }
    }

    /// Ends on the stop signal, or when something fails that does not pass by itself.
    async fn term(&self) -> anyhow::Result<()> {
        // The bus is no part of this service's readiness: the log goes on without it.
        let apart = Health::new();
        let ground = Ground::open(&self.settings, Service::Auditor, &apart, &self.stop).await?;
        let recorder = Arc::new(Recorder {
            ground: ground.clone(),
        });
        let mut looker = Looker::new(ground.clone(), self.part.clone());
        let watching = async {
            tokio::join!(ground.watch(), looker.run(&self.stop));
            Ok(())
        };
        let listening = notice::listen(&ground, &self.stop);
        let recording = async {
            let recorded = each(ground.consumption(&AUDITOR), SLOTS, recorder).await;
            recorded.map_err(anyhow::Error::from)
        };
        tokio::try_join!(watching, listening, recording)?;
        Ok(())
    }
}
