//! Owns the reading of a lab out of its repository: `lab.toml`, judged, and the tree around it.

use contract::name::CommitSha;
use lab::spec::{Executor, FILE_NAME, LabSpec, parse};
use objects::manifest::Manifest;
use process::settings::work::Verifier;

use crate::build::BuildError;
use crate::git::cache::Cache;
use git::error::GitError;

/// Largest `lab.toml`, in bytes.
const LAB_TOML_BYTES_MAX: u64 = 256 * 1024;

/// Why a lab is not published, or not now.
#[derive(Debug)]
pub(crate) enum NotRead {
    /// The lab's author has something to do.
    Refused(String),
    /// Something of ours stands in the way.
    Trouble(GitError),
}

impl From<GitError> for NotRead {
    fn from(err: GitError) -> Self {
        match err {
            GitError::NoSuchCommit => Self::Refused("the repository has no such commit".into()),
            GitError::SourceUnavailable { detail } => {
                Self::Refused(format!("the repository cannot be read: {detail}"))
            }
            GitError::Refused { detail } => Self::Refused(detail),
            GitError::Corrupt { .. } | GitError::Machine { .. } | GitError::Busy => {
                Self::Trouble(err)
            }
        }
    }
}

/// Reads and judges the `lab.toml` of a commit.
pub(crate) async fn read_spec(cache: &Cache, commit: &CommitSha) -> Result<LabSpec, NotRead> {
    cache.ensure(commit).await?;
    let lines = cache.list(commit).await?;
    let line = lines
        .into_iter()
        .find(|line| line.path == FILE_NAME.as_bytes());
    let Some(line) = line else {
        return Err(NotRead::Refused(format!(
            "there is no {FILE_NAME} at the repository's root"
        )));
    };
    let bytes = match (line.mode.as_str(), line.bytes) {
        ("100644" | "100755", Some(bytes)) => bytes,
        _ => return Err(NotRead::Refused(format!("{FILE_NAME} is no ordinary file"))),
    };
    if bytes > LAB_TOML_BYTES_MAX {
        let reason = format!("{FILE_NAME} has {bytes} bytes, more than {LAB_TOML_BYTES_MAX}");
        return Err(NotRead::Refused(reason));
    }
    let content = cache.asker().await?.read(&line.id, bytes).await?;
    let text = std::str::from_utf8(&content)
        .map_err(|err| NotRead::Refused(format!("{FILE_NAME} is no UTF-8: {err}")))?;
    parse(FILE_NAME, text).map_err(|mistake| NotRead::Refused(mistake.to_string()))
}

/// Why the tree does not suit what its `lab.toml` asks for, if it does not.
pub(crate) fn mismatch(spec: &LabSpec, manifest: &Manifest) -> Option<String> {
    let has = |path: &str| {
        manifest
            .entries()
            .iter()
            .any(|entry| entry.path.as_bytes() == path.as_bytes())
    };
    let missing = spec.missing_files(has);
    let (step, file) = missing.first()?;
    Some(format!(
        "{FILE_NAME}: the step {:?} runs {file}, which is protected, but the repository has no \
         such file; add it, or correct the command",
        step.name
    ))
}

/// Why a lab whose executor is `none` is not published here, if it is not.
pub(crate) fn unchecked(spec: &LabSpec, settings: &Verifier) -> Option<String> {
    let refused = spec.verify.executor == Executor::None && !settings.allow_executor_none;
    refused.then(|| {
        format!(
            "{FILE_NAME}: executor = \"none\" is refused: nothing that is pushed would be checked; \
             leave it out, or, for a load test, set verifier.allow_executor_none = true for \
             snapshot-builder and verifier"
        )
    })
}

/// What a lab's tree that was not preserved means.
pub(crate) fn not_built(err: BuildError) -> Result<NotRead, objects::store::ObjectsError> {
    match err {
        BuildError::Missing { detail, .. } => Ok(NotRead::Refused(detail)),
        BuildError::Git(err) => Ok(NotRead::Trouble(err)),
        BuildError::Objects(err) => Err(err),
    }
}
