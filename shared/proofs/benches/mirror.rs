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
use tlog::edge::{Edge, Made};
use tlog::hash::Hash;
use tlog::key::{self, SigningKey};
use tlog::proof::{InclusionProof, InclusionProver};
use tlog::proof_file::ProofFile;
use tlog::subtree::Subtree;
use tlog::tile::{Kind, Tile, hashes_of};

const ORIGIN: &str = "log.example/bench";
/// Leaves of the mirror.
const LEAVES: u64 = 1_000_000;
/// Sizes of the logs in which a leaf is proven.
const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// How often a proof is made of tiles, and checked.
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
    let singles = single(&signer, &pinned);
    hand_over(ratio, &singles);
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

/// What a proof is and costs in a log of one size.
struct Single {
    leaves: u64,
    hashes: usize,
    bytes: u32,
    /// From the published tiles, as `assay prove` makes it.
    by_tiles: Duration,
    /// From every leaf's hash, as it is made of what is not published.
    by_leaves: Duration,
    checked: Duration,
}

/// A proof in logs of several sizes.
fn single(signer: &SigningKey, pinned: &Pinned) -> Vec<Single> {
    let text = entry(SIZES[0] / 2);
    println!(
        "\n| leaves | hashes | proof, bytes | of it the entry | made of tiles in | made of all \
         leaves in | checked in |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    let all = SIZES.map(|leaves| {
        let one = proven(leaves, &text, signer, pinned);
        println!(
            "| {leaves} | {} | {} | {} | {:.2?} | {:.2?} | {:.2?} |",
            one.hashes,
            one.bytes,
            text.len().div_ceil(3) * 4,
            one.by_tiles,
            one.by_leaves,
            one.checked,
        );
        one
    });
    all.into()
}

/// Proves the leaf in the middle of a log, and checks it.
fn proven(size: u64, text: &str, signer: &SigningKey, pinned: &Pinned) -> Single {
    let leaf = size / 2;
    let hashes: Vec<Hash> = (0..size)
        .map(|number| match number == leaf {
            true => Hash::of_leaf(text.as_bytes()),
            false => Hash::of_leaf(&number.to_be_bytes()),
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let root = tiles(folder.path(), &hashes);
    let begun = Instant::now();
    let mut prover = InclusionProver::new(leaf, size).unwrap();
    hashes.iter().for_each(|hash| prover.push(*hash).unwrap());
    let proof = prover.finish().unwrap();
    let by_leaves = begun.elapsed();
    let begun = Instant::now();
    for _ in 0..CHECKS {
        assert_eq!(of_tiles(folder.path(), leaf, size), proof);
    }
    let by_tiles = begun.elapsed() / CHECKS;
    let file = ProofFile {
        extra: Some(text.as_bytes().to_vec()),
        index: leaf,
        path: proof.path,
        note: note(size, root, signer),
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
    Single {
        leaves: size,
        hashes: file.path.len(),
        bytes: u32::try_from(written.len()).unwrap(),
        by_tiles,
        by_leaves,
        checked: begun.elapsed() / CHECKS,
    }
}

/// Writes the hash tiles of a log; gives its root.
fn tiles(folder: &Path, leaves: &[Hash]) -> Hash {
    let put = |made: Made| {
        let path = folder.join(made.tile.to_string());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, made.bytes).unwrap();
    };
    let mut edge = Edge::new();
    for leaf in leaves {
        edge.push(*leaf).into_iter().for_each(put);
    }
    edge.partials().into_iter().for_each(put);
    edge.root()
}

/// The proof by the few tiles that it needs.
fn of_tiles(folder: &Path, leaf: u64, size: u64) -> InclusionProof {
    let needs = InclusionProof::needs(leaf, size).unwrap();
    let roots = needs.into_iter().map(|subtree| {
        let (tile, range) = subtree.in_tile(size).unwrap();
        let bytes = fs::read(folder.join(tile.to_string())).unwrap();
        let hashes = hashes_of(&tile, &bytes).unwrap();
        (subtree, Subtree::root_of(&hashes[range]))
    });
    InclusionProof::of_roots(leaf, size, &roots.collect()).unwrap()
}

/// Hands the figures over to `make bench`, which asks for them: see loadtest's README.
fn hand_over(ratio: f64, singles: &[Single]) {
    let Some(folder) = std::env::var_os("ASSAY_BENCH_FIGURES") else {
        return;
    };
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let figure = |id: String, value: f64, unit: &str| serde_json::json!({ "id": id, "value": value, "unit": unit });
    let mut figures = vec![figure("auditor.verify-log-share".into(), ratio, "ratio")];
    for one in singles {
        let named = |what| format!("proofs.{what}-{}", one.leaves);
        figures.push(figure(named("bytes"), f64::from(one.bytes), "bytes"));
        figures.push(figure(named("made"), ms(one.by_tiles), "ms"));
        figures.push(figure(named("checked"), ms(one.checked), "ms"));
    }
    fs::write(
        Path::new(&folder).join("proofs-mirror.json"),
        serde_json::Value::from(figures).to_string(),
    )
    .unwrap();
}
