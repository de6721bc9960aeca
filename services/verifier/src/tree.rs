//! Owns the tree that a run works on: the snapshot's, with the lab version's protected files laid
//! over it.
//! Must never follow a link while it writes, and never lay a learner's file where the lab's
//! belong.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use contract::result::ErrorCause;
use lab::pattern::TreeFile;
use lab::place::Places;
use lab::spec::StepKind;
use objects::manifest::Manifest;
use objects::path::TreePath;
use objects::reader::SnapshotReader;
use objects::store::ObjectsError;
use thiserror::Error;

use crate::sandbox::scratch::RunFolder;

mod plan;
mod write;

use plan::{Item, Kind, Plan};

/// Largest file of a tree, in bytes: what a snapshot may hold at most.
const BLOB_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Why a tree could not be rebuilt.
#[derive(Debug, Error)]
pub enum TreeError {
    /// An object could not be had.
    #[error("read an object of the tree")]
    Objects(#[from] ObjectsError),
    /// An entry cannot be written on any machine like this one.
    #[error("the entry {path} cannot be written: {reason}")]
    Entry {
        /// Its path, escaped.
        path: String,
        /// Why.
        reason: String,
    },
    /// The folder could not be written.
    #[error("write the tree")]
    Folder(#[source] std::io::Error),
}

impl TreeError {
    /// The result's cause.
    pub fn cause(&self) -> ErrorCause {
        match self {
            Self::Objects(_) => ErrorCause::SnapshotUnavailable,
            Self::Entry { .. } => ErrorCause::TreeRefused,
            Self::Folder(_) => ErrorCause::SandboxUnavailable,
        }
    }
}

/// A tree that is being run on.
#[derive(Debug)]
pub struct Tree {
    folder: Arc<RunFolder>,
    lab: SnapshotReader,
    /// The lab's protected files.
    protected: Vec<Item>,
    /// What was not laid, and why: for the log.
    pub left_out: Vec<String>,
}

impl Tree {
    /// Rebuilds `snapshot` in an empty folder and lays the lab version's protected files over it.
    ///
    /// # Errors
    /// [`TreeError`].
    pub async fn rebuild(
        folder: Arc<RunFolder>,
        session: (&SnapshotReader, &Manifest),
        lab: (SnapshotReader, &Manifest),
        places: &Places,
    ) -> Result<Self, TreeError> {
        let (reader, manifest) = session;
        let Plan { items, left_out } = plan::learners(manifest, places);
        let mut tree = Self {
            folder,
            lab: lab.0,
            protected: plan::labs(lab.1, places, StepKind::Run),
            left_out,
        };
        for item in items {
            let path = item.path.clone();
            if tree.lay(reader, item).await? == Laid::LeadsOut {
                let why = "it is a link that leads out of the tree";
                tree.left_out.push(format!("{path}: {why}"));
            }
        }
        tree.restore().await?;
        Ok(tree)
    }

    /// Lays the lab's own files in an empty folder, those that only its judges see among them, and
    /// nothing of anybody else's.
    ///
    /// # Errors
    /// [`TreeError`].
    pub async fn of_judge(
        folder: Arc<RunFolder>,
        lab: (SnapshotReader, &Manifest),
        places: &Places,
    ) -> Result<Self, TreeError> {
        let tree = Self {
            folder,
            lab: lab.0,
            protected: plan::labs(lab.1, places, StepKind::Judge),
            left_out: Vec::new(),
        };
        tree.restore().await?;
        Ok(tree)
    }

    /// The run's folder that it is in.
    pub fn folder(&self) -> &Arc<RunFolder> {
        &self.folder
    }

    /// Where it is.
    pub fn work(&self) -> &Path {
        self.folder.work()
    }

    /// Lays those protected files again that are not as the lab has them: a step may have changed
    /// what the next one relies on.
    ///
    /// # Errors
    /// [`TreeError`].
    pub async fn restore(&self) -> Result<(), TreeError> {
        for item in &self.protected {
            let (folder, looked_at) = (Arc::clone(&self.folder), item.clone());
            let same = on_disk(move || write::is_same(&folder, &looked_at)).await;
            if !same.map_err(TreeError::Folder)? {
                self.lay(&self.lab, item.clone()).await?;
            }
        }
        Ok(())
    }

    /// Removes what lies where a step is going to write its report: it is not of that step.
    ///
    /// # Errors
    /// [`TreeError::Folder`].
    pub async fn clear_report(&self, file: &TreeFile) -> Result<(), TreeError> {
        let (folder, file) = (Arc::clone(&self.folder), file.clone());
        let cleared = on_disk(move || write::clear(&folder, &file)).await;
        cleared.map_err(TreeError::Folder)
    }

    async fn lay(&self, reader: &SnapshotReader, item: Item) -> Result<Laid, TreeError> {
        let bytes = match &item.kind {
            Kind::Folder => Vec::new().into(),
            Kind::Blob(blob) if blob.bytes > BLOB_BYTES_MAX => {
                let reason = format!("it is larger than {BLOB_BYTES_MAX} bytes");
                return Err(refused(&item.path, reason));
            }
            Kind::Blob(blob) => reader.blob(blob).await?,
        };
        let folder = Arc::clone(&self.folder);
        let path = item.path.clone();
        let written = on_disk(move || {
            match &item.kind {
                Kind::Folder => write::folder(&folder, &item.path)?,
                Kind::Blob(blob) if !plan::is_link(blob) => {
                    write::file(&folder, &item.path, *blob, &bytes)?;
                }
                Kind::Blob(_) if plan::stays_inside(&item.path, &bytes) => {
                    write::link(&folder, &item.path, &bytes)?;
                }
                Kind::Blob(_) => return Ok(Laid::LeadsOut),
            }
            Ok(Laid::Whole)
        });
        written.await.map_err(|error| match error.kind() {
            // A name that is too long here, or that this file system does not take.
            ErrorKind::InvalidFilename | ErrorKind::InvalidInput => {
                refused(&path, error.to_string())
            }
            _ => TreeError::Folder(error),
        })
    }
}

/// What became of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Laid {
    Whole,
    /// A link out of the tree: nothing was written.
    LeadsOut,
}

fn refused(path: &TreePath, reason: String) -> TreeError {
    let path = path.to_string();
    TreeError::Entry { path, reason }
}

async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
}
