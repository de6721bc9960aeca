//! Owns the recorder of metrics: one for each process, whoever asks first installs it.

pub mod list;

use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;

/// The process's recorder. Clones share it.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

/// The recorder could not be installed.
#[derive(Debug, Error)]
#[error("another recorder of metrics is installed in this process")]
pub struct NoRecorder(#[from] BuildError);

/// Bounds of histograms whose names end in `_seconds`: from a publish's half millisecond to the
/// hours that a message waited behind an outage.
const SECONDS_BOUNDS: [f64; 18] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
    300.0, 1_800.0, 7_200.0,
];

/// Bounds of the other histograms, which count things: batch sizes, files.
const COUNT_BOUNDS: [f64; 10] = [
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0,
];

static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);

impl Metrics {
    /// Installs the recorder, or gives back the one that this function installed before.
    ///
    /// # Errors
    /// [`NoRecorder`] when somebody else's recorder is in its place.
    pub fn install() -> Result<Self, NoRecorder> {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = installed.as_ref() {
            return Ok(metrics.clone());
        }
        let handle = PrometheusBuilder::new()
            .set_buckets(&COUNT_BOUNDS)?
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BOUNDS)?
            .install_recorder()?;
        list::describe();
        metrics::gauge!("assay_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let metrics = Self { handle };
        *installed = Some(metrics.clone());
        Ok(metrics)
    }

    /// Everything recorded so far, in Prometheus's text format.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds what was recorded into its buckets; without it memory grows while nobody asks.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}
