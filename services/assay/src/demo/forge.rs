//! Owns the demo's forge: real git repositories, served over HTTP on loopback as a forge's are.

use std::path::{Path, PathBuf};

use rand::RngCore as _;
use rand::rngs::OsRng;
use sample::forge::LoopbackForge;
use sample::lab::{make_lab, make_learner};
use sample::repository::{Clock, Repository};

use crate::up::keys;

/// The sample lab's repository.
pub(crate) const LAB: &str = "course-2026/lab-calculator";
/// The learner's repository, made from it.
pub(crate) const LEARNER: &str = "course-2026/intro-calculator-example";

/// The forge with its two repositories.
pub(crate) struct Forge {
    served: LoopbackForge,
    secret_file: PathBuf,
    pub(crate) secret: Vec<u8>,
    pub(crate) lab: Repository,
    pub(crate) learner: Repository,
}

impl Forge {
    /// Makes the repositories and serves them.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let served = LoopbackForge::start(&folder.join("repositories")).await?;
        let lab = make_lab(&served, LAB, Clock::System).await?;
        let learner = make_learner(&served, &lab, LEARNER, Clock::System).await?;
        let mut bytes = [0; 32];
        OsRng.fill_bytes(&mut bytes);
        let secret = hex::encode(bytes);
        let secret_file = folder.join("webhook-secret");
        keys::write(&secret_file, &secret)?;
        let secret_file = secret_file.canonicalize()?;
        Ok(Self {
            served,
            secret_file,
            secret: secret.into_bytes(),
            lab,
            learner,
        })
    }

    /// Where Assay fetches repositories, with the place of the name.
    pub(crate) fn fetch_url(&self) -> String {
        self.served.fetch_url_template()
    }

    /// The file with the webhook's secret.
    pub(crate) fn secret_file(&self) -> &Path {
        &self.secret_file
    }
}
