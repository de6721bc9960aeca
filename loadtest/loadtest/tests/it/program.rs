//! Owns the program under test, run to its end with its reports in a folder of its own.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testkit::program::{Plan, Said};
use testkit::wait::WAIT_SECS_MAX;

/// A run that is over.
pub(crate) struct Ran {
    pub(crate) said: Said,
    folder: TempDir,
}

impl Ran {
    /// Runs the program with these arguments.
    pub(crate) async fn with(arguments: &[&str]) -> Self {
        Self::within(arguments, Duration::from_secs(WAIT_SECS_MAX)).await
    }

    /// The same for what may take so long.
    pub(crate) async fn within(arguments: &[&str], limit: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().display().to_string();
        let all = [arguments, &["--quiet", "--out", &out]].concat();
        let plan = Plan {
            program: PathBuf::from(env!("CARGO_BIN_EXE_loadtest")),
            arguments: all.into_iter().map(str::to_owned).collect(),
            variables: Vec::new(),
            folder: folder.path(),
        };
        let said = plan.run_within(limit).await;
        Self { said, folder }
    }

    /// A file that it left.
    pub(crate) fn left(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Its report.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.left("report.json")).unwrap()
    }
}
