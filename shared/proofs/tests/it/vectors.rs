//! The vectors: files that are kept in the repository, and come out the same when they are made
//! again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cases;
use crate::log::{self, CHANGE, FIRST_LEAVES, Files, Keys, Log, PROVEN, SECOND_LEAVES};

/// Where they are kept.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// All of them, made from nothing.
pub(crate) fn make() -> Files {
    let keys = Keys::read();
    let first = log::first(&keys, "success");
    let forged = log::first(&keys, "failure");
    let second = log::second(&first.at(FIRST_LEAVES));
    let mut files = Files::new();
    let mut put = |folder: &str, made: Files| {
        files.extend(
            made.into_iter()
                .map(|(path, bytes)| (format!("{folder}/{path}"), bytes)),
        );
    };
    put("mirror", first.files(&keys.new));
    put("mirror", second.files(&keys.new));
    // What somebody who holds a key could make of it: another entry, and all that follows from it.
    let others = |mut files: Files, real: &Files| {
        files.retain(|path, bytes| real.get(path) != Some(bytes));
        files
    };
    let real = first.files(&keys.new);
    put("forged", others(forged.files(&keys.new), &real));
    // The same fork, gone on with.
    let mut longer = forged.clone();
    longer.entries.extend(second.entries[1..].iter().cloned());
    put("longer", others(longer.files(&keys.new), &real));
    put("stranger", others(first.files(&keys.stranger), &real));
    let mut alone = log::second(&first.at(FIRST_LEAVES));
    alone.entries.remove(0);
    put("untied", alone.files(&keys.new));
    put("early", log::second(&first.at(200)).files(&keys.new));
    put(
        "late",
        log::second(&forged.at(FIRST_LEAVES)).files(&keys.new),
    );
    let mut text = |path: &str, text: String| {
        files.insert(path.to_owned(), text.into_bytes());
    };
    text("kept/100", first.note(100, &keys.old));
    text("kept/260", first.note(260, &keys.old));
    text("kept/second-3", second.note(3, &keys.new));
    text(
        "kept/second-9",
        first
            .note(9, &keys.new)
            .replace(log::ORIGIN, "log.example/else"),
    );
    text("kept/forged-200", forged.note(200, &keys.old));
    text("kept/stranger-100", first.note(100, &keys.stranger));
    text("cases.json", cases::to_text(&keys));
    files.extend(proofs(&keys, &first, &second, &forged));
    files
}

/// Proofs, and what is given beside them.
fn proofs(keys: &Keys, first: &Log, second: &Log, forged: &Log) -> Files {
    let mut files = Files::new();
    let mut text = |path: &str, text: String| {
        files.insert(path.to_owned(), text.into_bytes());
    };
    let proof = first.proof(PROVEN, 260, &keys.old);
    text("proof/attempt.tlog-proof", proof.to_text());
    text(
        "proof/other.tlog-proof",
        first.proof(PROVEN + 1, 260, &keys.old).to_text(),
    );
    text(
        "proof/change.tlog-proof",
        first.proof(CHANGE, 260, &keys.old).to_text(),
    );
    text(
        "proof/new-key.tlog-proof",
        first.proof(0, FIRST_LEAVES, &keys.new).to_text(),
    );
    let of_second = second.proof(SECOND_LEAVES - 1, SECOND_LEAVES, &keys.new);
    text("proof/second.tlog-proof", of_second.to_text());
    let only = first.proof(0, 1, &keys.old);
    text("proof/only-leaf.tlog-proof", only.to_text());
    let mut bare = proof.clone();
    let entry = bare.extra.take().unwrap();
    text("proof/bare.tlog-proof", bare.to_text());
    text("proof/entry.json", String::from_utf8(entry).unwrap());
    text("proof/forged-entry.json", forged.entries[17].clone());
    for (place, row) in log::rows().iter().enumerate() {
        let row = serde_json::to_string_pretty(row).unwrap();
        text(&format!("proof/row-{}.json", place + 1), row + "\n");
    }
    files
}

/// All files of a folder, by their path in it.
pub(crate) fn read(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            files.insert(name.to_owned(), fs::read(&path).unwrap());
        }
    }
    files
}

/// Writes files under a folder.
pub(crate) fn write(folder: &Path, files: &Files) {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn the_vectors_come_out_the_same_when_they_are_made_again() {
    let made = make();
    if std::env::var_os("ASSAY_WRITE_VECTORS").is_some() {
        let _ = fs::remove_dir_all(folder());
        write(&folder(), &made);
    }
    let kept = read(&folder());
    let paths: Vec<&String> = made.keys().collect();
    assert_eq!(kept.keys().collect::<Vec<_>>(), paths);
    for (path, bytes) in &made {
        assert!(
            kept[path] == *bytes,
            "{path} differs: ASSAY_WRITE_VECTORS=1 writes it"
        );
    }
}
