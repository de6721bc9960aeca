//! Owns `assay check-proof`: a proof, and what was pinned, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use process::exit;
use proofs::pinned::Pinned;
use proofs::proof::{self, Given, Proven};
use proofs::verdict::{Finding, Missing, Untrusted};
use serde_json::Value;
use tlog::key::{KeyError, VerifyingKey};

use crate::say::say;

/// Largest file that is read, in bytes: a proof brings an entry of at most 64 KiB.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What is checked.
#[derive(Debug, Args)]
pub(crate) struct CheckProof {
    /// The proof.
    file: PathBuf,
    /// The log's verifier key, as you pinned it.
    #[arg(long)]
    key: String,
    /// The log's name, as you pinned it; else the key's.
    #[arg(long)]
    origin: Option<String>,
    /// The audit entry, where the proof does not bring it.
    #[arg(long)]
    entry: Option<PathBuf>,
    /// A ledger row as JSON, which the entry should cover.
    #[arg(long)]
    row: Option<PathBuf>,
}

/// Checks a proof, offline.
pub(crate) fn check(asked: &CheckProof) -> u8 {
    match checked(asked) {
        Ok(words) => {
            say!("{words}");
            exit::OK
        }
        Err(finding) => {
            say!("{finding}");
            finding.exit_code()
        }
    }
}

fn checked(asked: &CheckProof) -> Result<String, Finding> {
    let pinned = pinned(&asked.key, asked.origin.as_deref())?;
    let proof = read(&asked.file)?;
    let entry = asked.entry.as_deref().map(read).transpose()?;
    let row = asked.row.as_deref().map(read).transpose()?;
    // What is no JSON is no row that an entry covers.
    let row = row.map(|row| serde_json::from_slice(&row).unwrap_or(Value::Null));
    let given = Given {
        proof: &String::from_utf8_lossy(&proof),
        entry: entry.as_deref(),
        row: row.as_ref(),
    };
    Ok(in_words(asked, &proof::check(given, &pinned)?))
}

fn in_words(asked: &CheckProof, proven: &Proven) -> String {
    let entry = &proven.entry;
    let mut words = format!(
        "ok: {}\n  of the log {}, of {} leaves when it was signed, leaf {} is this audit entry:\n  \
         {}, by {} at {} ({})",
        asked.file.display(),
        proven.checkpoint.origin,
        proven.checkpoint.size,
        proven.index,
        entry.action,
        entry.service,
        entry.timestamp,
        entry.id
    );
    for row in &entry.rows {
        words += &format!("\n  it covers the row {} of {}", row.key, row.table);
    }
    if let Some(row) = &proven.row {
        words += &format!(
            "\n  the row that was given is the row {} of {}, as it was logged",
            row.key, row.table
        );
    }
    words
}

/// What was pinned, as it was given.
pub(crate) fn pinned(key: &str, origin: Option<&str>) -> Result<Pinned, Finding> {
    let key: VerifyingKey = key
        .parse()
        .map_err(|error: KeyError| Untrusted::Key(error.to_string()))?;
    let base = tlog::epoch::base(key.origin()).to_owned();
    Pinned::new(origin.unwrap_or(&base), key)
}

/// A file, whole; one that cannot be read is missing.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Finding> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let opened = fs::File::open(path);
    match opened.and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Missing::Unread {
            file: path.display().to_string(),
            reason: error.to_string(),
        }
        .into()),
    }
}
