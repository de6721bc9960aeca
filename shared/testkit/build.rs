//! Names the state of the migrations that this build embeds, for the template's cache.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

const MIGRATIONS: &str = "../../schema/migrations";

fn main() {
    println!("cargo:rerun-if-changed={MIGRATIONS}");
    let mut files = Vec::new();
    collect(Path::new(MIGRATIONS), &mut files);
    files.sort();
    let mut state = DefaultHasher::new();
    for file in files {
        file.hash(&mut state);
        fs::read(&file).unwrap_or_default().hash(&mut state);
    }
    println!("cargo:rustc-env=MIGRATIONS_STATE={:016x}", state.finish());
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
