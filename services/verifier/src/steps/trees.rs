//! Owns the trees that a run's steps need: the lab's files found whole, the learner's rebuilt.

use std::sync::Arc;

use contract::result::ErrorCause;
use objects::manifest::Manifest;
use objects::reader::SnapshotReader;
use objects::store::Objects;

use crate::execute::{Run, RunError, error};
use crate::sandbox::scratch::RunFolder;
use crate::tree::{Tree, TreeError};

/// The lab version's own files.
pub(super) type Lab = (SnapshotReader, Manifest);

pub(super) async fn open_lab(objects: &Objects, run: &Run<'_>) -> Result<Lab, RunError> {
    let reader = SnapshotReader::of_lab(objects.clone(), run.lab);
    let manifest = reader.manifest(run.lab_version).await;
    let manifest = manifest.map_err(TreeError::from)?;
    let has = |path: &str| {
        let mut entries = manifest.entries().iter();
        entries.any(|entry| entry.path.as_bytes() == path.as_bytes())
    };
    if let Some((step, path)) = run.spec.missing_files(has).first() {
        let detail = format!(
            "step {:?} needs {path}, which the lab does not have",
            step.name
        );
        return Err(error(ErrorCause::LabBroken, &detail));
    }
    Ok((reader, manifest))
}

pub(super) async fn rebuild(
    objects: &Objects,
    run: &Run<'_>,
    (of_lab, lab_manifest): &Lab,
    folder: Arc<RunFolder>,
) -> Result<Tree, RunError> {
    let of_session = SnapshotReader::of_session(objects.clone(), run.session, run.lab);
    let manifest = of_session
        .manifest(run.snapshot)
        .await
        .map_err(TreeError::from)?;
    let (session, lab) = ((&of_session, &manifest), (of_lab.clone(), lab_manifest));
    Ok(Tree::rebuild(folder, session, lab, &run.spec.places()).await?)
}
