//! Owns the log that the vectors are of: two epochs, a change of the key, and an entry that covers
//! rows. Everything in it is made from numbers, so that it comes out the same each time.

use std::collections::BTreeMap;

use chrono::{Duration, TimeZone as _, Utc};
use contract::audit::{AuditEvent, CoveredRow};
use contract::canonical::canonical_json;
use contract::digest::Digest;
use serde_json::{Map, Value, json};
use tlog::bundle;
use tlog::checkpoint::{self, Checkpoint};
use tlog::edge::Edge;
use tlog::epoch;
use tlog::hash::Hash;
use tlog::key::SigningKey;
use tlog::key_change;
use tlog::proof::InclusionProver;
use tlog::proof_file::ProofFile;
use tlog::tile::{Kind, Tile};

pub(crate) const ORIGIN: &str = "log.example/lab";
/// Leaves of the first epoch: a full tile, and a few.
pub(crate) const FIRST_LEAVES: u64 = 262;
/// The leaf whose entry covers rows, and is proven.
pub(crate) const PROVEN: u64 = 17;
/// The leaf that changes the key.
pub(crate) const CHANGE: u64 = 259;
/// Leaves of the second epoch.
pub(crate) const SECOND_LEAVES: u64 = 5;

// Keys of these vectors, their seeds 32 times the same byte. They sign nothing else.
const OLD: &str =
    "PRIVATE+KEY+log.example/lab+e61e2d95+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
const NEW: &str =
    "PRIVATE+KEY+log.example/lab+c1940ec9+AQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";
const STRANGER: &str =
    "PRIVATE+KEY+log.example/lab+e6ac22dd+AQMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD";

/// Files by their path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The keys of the vectors.
pub(crate) struct Keys {
    pub(crate) old: SigningKey,
    pub(crate) new: SigningKey,
    pub(crate) stranger: SigningKey,
}

impl Keys {
    pub(crate) fn read() -> Self {
        let read = |text: &str| text.parse().unwrap();
        Self {
            old: read(OLD),
            new: read(NEW),
            stranger: read(STRANGER),
        }
    }
}

/// A log of one epoch.
#[derive(Clone)]
pub(crate) struct Log {
    epoch: u64,
    pub(crate) entries: Vec<String>,
}

/// The first epoch; the entry of the proven leaf says `outcome`.
pub(crate) fn first(keys: &Keys, outcome: &'static str) -> Log {
    let change = key_change::sign(&keys.new.verifying(), &keys.old).unwrap();
    let entries = (0..FIRST_LEAVES).map(|leaf| match leaf {
        PROVEN => entry(leaf, "attempt-recorded", outcome, Map::new(), covered()),
        CHANGE => {
            let fields = Map::from_iter([("assay.log.key_change".to_owned(), json!(change))]);
            entry(leaf, "log.key", "success", fields, Vec::new())
        }
        _ => entry(leaf, "delivery-recorded", "success", Map::new(), Vec::new()),
    });
    Log {
        epoch: 1,
        entries: entries.collect(),
    }
}

/// The second epoch, which follows what is given.
pub(crate) fn second(previous: &Checkpoint) -> Log {
    let fields = Map::from_iter([
        (
            "assay.log.previous.origin".to_owned(),
            json!(previous.origin),
        ),
        ("assay.log.previous.size".to_owned(), json!(previous.size)),
        (
            "assay.log.previous.root".to_owned(),
            json!(previous.root.to_string()),
        ),
    ]);
    let entries = (0..SECOND_LEAVES).map(|leaf| match leaf {
        0 => entry(1_000, "log.epoch", "success", fields.clone(), Vec::new()),
        _ => entry(
            1_000 + leaf,
            "delivery-recorded",
            "success",
            Map::new(),
            Vec::new(),
        ),
    });
    Log {
        epoch: 2,
        entries: entries.collect(),
    }
}

/// The rows that the proven entry covers.
pub(crate) fn rows() -> [Value; 2] {
    [
        json!({ "id": "a-1", "branch": "main", "commit_sha": "0a1b", "number": 1, "note": null }),
        json!({ "id": "a-2", "branch": "größer \u{1} \u{7f} \"/\\", "number": -2, "is": true }),
    ]
}

fn covered() -> Vec<CoveredRow> {
    let rows = rows().into_iter().map(|row| CoveredRow {
        table: "lab_attempt",
        key: row["id"].as_str().unwrap().to_owned(),
        digest: Digest::of(canonical_json(&row).as_bytes()),
    });
    rows.collect()
}

fn entry(
    number: u64,
    action: &'static str,
    outcome: &'static str,
    fields: Map<String, Value>,
    rows: Vec<CoveredRow>,
) -> String {
    let begun = Utc.with_ymd_and_hms(2026, 9, 1, 8, 0, 0).unwrap();
    let event = AuditEvent {
        action,
        subject: &number.to_string(),
        service: "attempt-writer",
        outcome,
        trace_id: None,
        at: begun + Duration::seconds(number.try_into().unwrap()),
        fields,
        rows,
    };
    event.entry().text
}

impl Log {
    pub(crate) fn hashes(&self) -> Vec<Hash> {
        let hashes = self.entries.iter();
        hashes
            .map(|entry| Hash::of_leaf(entry.as_bytes()))
            .collect()
    }

    /// What a checkpoint of its first leaves says.
    pub(crate) fn at(&self, size: u64) -> Checkpoint {
        let mut edge = Edge::new();
        for hash in self.hashes().into_iter().take(size.try_into().unwrap()) {
            edge.push(hash);
        }
        Checkpoint {
            origin: epoch::origin(ORIGIN, self.epoch),
            size,
            root: edge.root(),
        }
    }

    /// The same, signed.
    pub(crate) fn note(&self, size: u64, key: &SigningKey) -> String {
        let checkpoint = self.at(size);
        checkpoint::sign(&checkpoint, &key.renamed(&checkpoint.origin).unwrap()).unwrap()
    }

    /// The folder of a mirror.
    pub(crate) fn files(&self, key: &SigningKey) -> Files {
        let size = self.entries.len() as u64;
        let mut files = Files::new();
        let mut put = |name: &str, bytes: Vec<u8>| {
            files.insert(format!("{}/{name}", self.epoch), bytes);
        };
        put("checkpoint", self.note(size, key).into_bytes());
        let mut edge = Edge::new();
        for hash in self.hashes() {
            for made in edge.push(hash) {
                put(&made.tile.to_string(), made.bytes);
            }
        }
        for made in edge.partials() {
            put(&made.tile.to_string(), made.bytes);
        }
        for (index, entries) in self.entries.chunks(256).enumerate() {
            let mut bytes = Vec::new();
            for entry in entries {
                bundle::push(&mut bytes, entry.as_bytes()).unwrap();
            }
            let tile = Tile::of_count(Kind::Entries, index as u64, size).unwrap();
            put(&tile.to_string(), bytes);
        }
        files
    }

    /// The proof of a leaf in the tree of this size.
    pub(crate) fn proof(&self, leaf: u64, size: u64, key: &SigningKey) -> ProofFile {
        let mut prover = InclusionProver::new(leaf, size).unwrap();
        for hash in self.hashes().into_iter().take(size.try_into().unwrap()) {
            prover.push(hash).unwrap();
        }
        let proof = prover.finish().unwrap();
        let entry = &self.entries[usize::try_from(leaf).unwrap()];
        ProofFile {
            extra: Some(entry.clone().into_bytes()),
            index: leaf,
            path: proof.path,
            note: self.note(size, key),
        }
    }
}
