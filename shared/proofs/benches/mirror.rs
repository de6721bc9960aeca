//! What a check of files costs: a mirror of a million leaves against bare SHA-256 of the same bytes,
//! and proofs as the log grows. `make bench` prints it; nothing is asserted.
#![allow(clippy::unwrap_used, missing_docs, reason = "a program for people")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use contract::digest::Digest;
use futures::executor::block_on;
use proofs::files::Folder;
use proofs::mirror;
use proofs::pinned::Pinned;
use proofs::proof::{self, Given};
use tlog::bundle;
use tlog::checkpoint::{self, Checkpoint};
use tlog::edge::Edge;
use tlog::hash::Hash;
use tlog::key::{self, SigningKey};
use tlog::proof::InclusionProver;
use tlog::proof_file::ProofFile;
use tlog::tile::{Kind, Tile};

const ORIGIN: &str = "log.example/bench";
/// Leaves of the mirror.
const LEAVES: u64 = 1_000_000;
/// Sizes of the logs in which a leaf is proven.
const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// How often a proof is checked.
const CHECKS: u32 = 200;
/// How often the mirror and the bare hash are measured, by turns.
const ROUNDS: usize = 3;

fn main() {
    // Whoever runs all targets as tests starts this one too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let signer: SigningKey = key::generate(ORIGIN).unwrap().signer.parse().unwrap();
    let pinned = Pinned::new(ORIGIN, signer.verifying()).unwrap();
    let ratio = whole(&signer, &pinned);
    single(&signer, &pinned);
    hand_over(ratio);
}

/// An entry as the ledger has them: some 500 bytes.
fn entry(number: u64) -> String {
    let digest = Digest::of(&number.to_be_bytes());
    format!(
        "{{\"@timestamp\":\"2026-09-01T08:00:00.000000Z\",\"assay.body.digest\":\"{digest}\",\
         \"assay.delivery.id\":\"0199f3c2-0000-7000-8000-{number:012}\",\"assay.rows\":[{{\
         \"digest\":\"{digest}\",\"key\":\"0199f3c2-0000-7000-8000-{number:012}\",\
         \"table\":\"delivery\"}}],\"event.action\":\"delivery-recorded\",\"event.id\":\
         \"0199f3c2-0000-8000-8000-{number:012}\",\"event.kind\":\"event\",\"event.outcome\":\
         \"success\",\"service.name\":\"attempt-writer\"}}"
    )
}

/// The whole mirror; gives the ratio to the bare hash.
fn whole(signer: &SigningKey, pinned: &Pinned) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("1"), signer);
    let (mut checks, mut hashes) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        bytes = bare(folder.path());
        hashes.push(begun.elapsed());
        let begun = Instant::now();
        let files = Folder::new(folder.path());
        let checked = block_on(mirror::check(&files, pinned, &[], &mut ())).unwrap();
        checks.push(begun.elapsed());
        assert_eq!(checked.leaves(), LEAVES);
    }
    let (check, hash) = (median(checks), median(hashes));
    let ratio = check.as_secs_f64() / hash.as_secs_f64();
    println!(
        "a mirror of {LEAVES} leaves, {} MiB: checked in {check:.2?}, bare SHA-256 in {hash:.2?}: \
         {ratio:.2} times",
        bytes / 1024 / 1024
    );
    ratio
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Reads every file and hashes it; gives the bytes.
fn bare(folder: &Path) -> usize {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let read = fs::read(entry.path()).unwrap();
            std::hint::black_box(Digest::of(&read));
            bytes += read.len();
        }
    }
    bytes
}

fn write(folder: &Path, signer: &SigningKey) {
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let mut edge = Edge::new();
    let mut held = Vec::new();
    for number in 0..LEAVES {
        let entry = entry(number);
        bundle::push(&mut held, entry.as_bytes()).unwrap();
        for made in edge.push(Hash::of_leaf(entry.as_bytes())) {
            put(&made.tile.to_string(), &made.bytes);
        }
        if edge.size().is_multiple_of(256) || edge.size() == LEAVES {
            let tile = Tile::of_count(Kind::Entries, number / 256, edge.size()).unwrap();
            put(&tile.to_string(), &std::mem::take(&mut held));
        }
    }
    for made in edge.partials() {
        put(&made.tile.to_string(), &made.bytes);
    }
    put(
        "checkpoint",
        note(edge.size(), edge.root(), signer).as_bytes(),
    );
}

fn note(size: u64, root: Hash, signer: &SigningKey) -> String {
    let origin = ORIGIN.to_owned();
    checkpoint::sign(&Checkpoint { origin, size, root }, signer).unwrap()
}

/// A proof in logs of several sizes.
fn single(signer: &SigningKey, pinned: &Pinned) {
    let text = entry(SIZES[0] / 2);
    println!("\n| leaves | hashes | proof, bytes | of it the entry | made in | checked in |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for size in SIZES {
        let leaf = size / 2;
        let mut edge = Edge::new();
        let hashes: Vec<Hash> = (0..size)
            .map(|number| match number == leaf {
                true => Hash::of_leaf(text.as_bytes()),
                false => Hash::of_leaf(&number.to_be_bytes()),
            })
            .collect();
        hashes.iter().for_each(|hash| drop(edge.push(*hash)));
        let begun = Instant::now();
        let mut prover = InclusionProver::new(leaf, size).unwrap();
        hashes.iter().for_each(|hash| prover.push(*hash).unwrap());
        let proof = prover.finish().unwrap();
        let made = begun.elapsed();
        let file = ProofFile {
            extra: Some(text.clone().into_bytes()),
            index: leaf,
            path: proof.path,
            note: note(size, edge.root(), signer),
        };
        let written = file.to_text();
        let begun = Instant::now();
        for _ in 0..CHECKS {
            let given = Given {
                proof: &written,
                entry: None,
                row: None,
            };
            proof::check(given, pinned).unwrap();
        }
        let checked = begun.elapsed() / CHECKS;
        println!(
            "| {size} | {} | {} | {} | {made:.2?} | {checked:.2?} |",
            file.path.len(),
            written.len(),
            text.len().div_ceil(3) * 4,
        );
    }
}

/// Hands the figure over to `make bench`, which asks for it: see loadtest's README.
fn hand_over(ratio: f64) {
    let Some(folder) = std::env::var_os("ASSAY_BENCH_FIGURES") else {
        return;
    };
    let figure = serde_json::json!([
        { "id": "auditor.verify-log-share", "value": ratio, "unit": "ratio" }
    ]);
    fs::write(
        Path::new(&folder).join("proofs-mirror.json"),
        figure.to_string(),
    )
    .unwrap();
}
