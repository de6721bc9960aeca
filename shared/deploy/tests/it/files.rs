//! Owns the comparing of a written file with the one in `deploy/`, and the writing of it.

use std::fs;
use std::path::{Path, PathBuf};

/// When this variable is set, files are written instead of compared.
const WRITE: &str = "ASSAY_WRITE_DEPLOY";

/// The folder of the deployment files.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

/// A file of the deployment, whole.
pub(crate) fn read(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

/// Compares a file with what it must be, or writes it.
pub(crate) fn same(name: &str, text: &str) {
    let path = folder().join(name);
    if std::env::var_os(WRITE).is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    if found == text {
        return;
    }
    let line = found.lines().zip(text.lines()).position(|(a, b)| a != b);
    let line = line.unwrap_or_else(|| found.lines().count().min(text.lines().count()));
    panic!(
        "deploy/{name} is not what the list says, from line {}: found {:?}, expected {:?}; \
         {WRITE}=1 cargo test -p deploy writes it",
        line + 1,
        found.lines().nth(line),
        text.lines().nth(line),
    );
}
