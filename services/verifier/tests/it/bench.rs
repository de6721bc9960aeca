//! Owns a sandbox to try things in.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use lab::spec::Limits;
use tempfile::TempDir;
use verifier::sandbox::account::Account;
use verifier::sandbox::scratch::RunFolder;
use verifier::sandbox::{Bounding, BoxOutcome, BoxedStep, Sandbox, Site, means};

/// The slot of all runs on a bench.
pub(crate) const SLOT: u16 = 3;

/// A sandbox with one run, in a folder that the slot's user can reach.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) folder: Arc<RunFolder>,
    pub(crate) scratch: TempDir,
}

/// A site with every limit, in this folder. A control group that the tests may use can be named
/// from outside, for a user that has none by itself.
pub(crate) fn site(scratch: &Path) -> Site<'_> {
    static GROUP: std::sync::OnceLock<Option<std::path::PathBuf>> = std::sync::OnceLock::new();
    let group = GROUP.get_or_init(|| std::env::var_os("ASSAY_TEST_CONTROL_GROUP").map(Into::into));
    Site {
        scratch,
        system: &[],
        control_group: group.as_deref(),
        bounding: Bounding::Required,
    }
}

/// Which limits this user cannot enforce on this machine, and why.
pub(crate) fn lacking() -> Option<String> {
    let scratch = scratch();
    means::lacking(site(scratch.path())).unwrap()
}

/// A folder that the slots' users can get to.
pub(crate) fn scratch() -> TempDir {
    let scratch = tempfile::tempdir().unwrap();
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    scratch
}

impl Bench {
    /// With every limit where they can be enforced, without them elsewhere.
    pub(crate) async fn new() -> Self {
        match lacking() {
            None => Self::with(Bounding::Required).await,
            Some(_) => Self::with(Bounding::DangerouslyWaived).await,
        }
    }

    /// With every limit; where they cannot be enforced, says that the test is skipped.
    pub(crate) async fn bounded() -> Option<Self> {
        if let Some(lacking) = lacking() {
            eprintln!("skipped: this machine, or this user, cannot enforce: {lacking}");
            return None;
        }
        Some(Self::with(Bounding::Required).await)
    }

    pub(crate) async fn with(bounding: Bounding) -> Self {
        let scratch = scratch();
        let account = Account::of_slot(SLOT);
        let site = Site {
            bounding,
            ..site(scratch.path())
        };
        let sandbox = Sandbox::probe(site, account).await.unwrap();
        let folder = Arc::new(sandbox.folder(SLOT, account).unwrap());
        Self {
            sandbox,
            folder,
            scratch,
        }
    }

    pub(crate) async fn run(&self, command: &str, limits: Limits) -> BoxOutcome {
        let step = BoxedStep {
            folder: &self.folder,
            command,
            limits: &limits,
        };
        self.sandbox.run(step).await.unwrap()
    }

    pub(crate) async fn says(&self, command: &str) -> String {
        let outcome = self.run(command, Limits::default()).await;
        String::from_utf8(outcome.log).unwrap()
    }
}

/// Processes of this machine whose command line holds the mark.
pub(crate) fn alive(mark: &str) -> Vec<String> {
    let listed = Command::new("ps").args(["-eo", "args"]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    listed
        .lines()
        .filter(|line| line.contains(mark))
        .map(str::to_owned)
        .collect()
}
