//! Owns a lab's author at his desk: folders on this machine, verified without servers.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use contract::live::LiveEvent;
use process::settings::work;
use tempfile::TempDir;
use verifier::local::{CannotVerify, Local, LocalResult, verify};

/// The example lab of the guide for authors.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/examples")
        .join(name)
}

/// A folder of these files; a path that ends with `@` is a symlink, one that begins with `+` an
/// executable.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let (link, executable) = (path.strip_suffix('@'), path.strip_prefix('+'));
        let place = folder.path().join(link.or(executable).unwrap_or(path));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        if link.is_some() {
            std::os::unix::fs::symlink(text, &place).unwrap();
        } else {
            fs::write(&place, text).unwrap();
            let mode = if executable.is_some() { 0o755 } else { 0o644 };
            fs::set_permissions(&place, Permissions::from_mode(mode)).unwrap();
        }
    }
    folder
}

/// Verifies a learner's files by a lab.
pub(crate) async fn verified(lab: &Path, learner: &[(&str, &str)]) -> LocalResult {
    let learner = folder(learner);
    heard(lab, learner.path(), |_event| {}).await.unwrap()
}

/// Verifies a folder, and tells what happens meanwhile.
pub(crate) async fn heard(
    lab: &Path,
    learner: &Path,
    hear: impl FnMut(LiveEvent),
) -> Result<LocalResult, CannotVerify> {
    let settings = work::Verifier {
        // Limits hold where the machine can, and have tests of their own.
        dangerously_run_without_limits: true,
        ..work::Verifier::default()
    };
    let local = Local {
        learner,
        lab,
        settings: &settings,
    };
    verify(local, hear).await
}
