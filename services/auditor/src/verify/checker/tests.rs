//! A log of a few leaves, whole and altered in each place.

use contract::audit::AuditEvent;
use contract::digest::Digest;
use contract::time;
use serde_json::Map;
use store::ledger_leaf::LeafRow;
use tlog::checkpoint::Checkpoint;
use tlog::hash::Hash;
use tlog::key::{self, SigningKey};
use uuid::Uuid;

use super::*;
use crate::head::Head;
use crate::verify::verdict::LeafFault;

const ORIGIN: &str = "log.example/lab";

type Alter = fn(&mut LeafOfEntryRow);

fn keys(origin: &str) -> (SigningKey, VerifyingKey) {
    let pair = key::generate(origin).unwrap();
    (pair.signer.parse().unwrap(), pair.verifier.parse().unwrap())
}

fn leaf(index: i64) -> LeafOfEntryRow {
    let entry = AuditEvent {
        action: "delivery-recorded",
        subject: &index.to_string(),
        service: "attempt-writer",
        outcome: "success",
        trace_id: None,
        at: Timestamp::UNIX_EPOCH,
        fields: Map::new(),
        rows: Vec::new(),
    }
    .entry();
    LeafOfEntryRow {
        leaf: LeafRow {
            epoch: 1,
            leaf_index: index,
            audit_entry_id: entry.id.as_uuid(),
            leaf_hash: bytes(Hash::of_leaf(entry.text.as_bytes())),
            recorded_at: entry.at,
        },
        action: Some(entry.action.to_owned()),
        digest: Some(Digest::of(entry.text.as_bytes()).to_string()),
        entry: Some(entry.text),
        trace_id: None,
        entry_recorded_at: Some(entry.at),
    }
}

fn checkpoint(tree: &Frontier, signer: &SigningKey) -> CheckpointRow {
    let said = Checkpoint::of(ORIGIN, tree);
    CheckpointRow {
        origin: ORIGIN.to_owned(),
        tree_size: column(said.size),
        root_hash: bytes(said.root),
        note: checkpoint::sign(&said, signer).unwrap(),
        recorded_at: time::now(),
    }
}

/// A checker that so many good leaves have passed, the first three of them signed.
fn passed<'a>(leaves: i64, signer: &SigningKey, verifier: &'a VerifyingKey) -> Checker<'a> {
    let mut checker = Checker::new(verifier);
    for index in 0..leaves {
        checker.leaf(&leaf(index)).unwrap();
        if index == 2 {
            let row = checkpoint(&checker.tree, signer);
            checker.checkpoint(&row).unwrap();
        }
    }
    checker
}

fn standing(tree: &Frontier) -> StandingRow {
    let head = Head {
        epoch: 1,
        origin: ORIGIN.to_owned(),
        tree: tree.clone(),
        signed: 0,
    };
    StandingRow {
        head: head.row(),
        last_leaf: Some(4),
        checkpoint_size: Some(3),
        checkpoint_root: None,
    }
}

#[test]
fn a_whole_log_passes() {
    let (signer, verifier) = keys(ORIGIN);
    let mut checker = passed(5, &signer, &verifier);
    let row = checkpoint(&checker.tree, &signer);
    checker.checkpoint(&row).unwrap();
    assert_eq!(checker.head(&standing(&checker.tree)), Ok(()));
    assert_eq!(
        (checker.size(), checker.signed(), checker.checkpoints()),
        (5, 5, 2)
    );
    assert_eq!(checker.distrust(), None);
    assert_eq!(checker.unsigned_too_long(time::now()), None);
}

#[test]
fn a_leaf_that_does_not_agree_with_its_entry_is_named() {
    let (signer, verifier) = keys(ORIGIN);
    let cases: [(Alter, LeafFault); 9] = [
        (|row| row.entry = None, LeafFault::EntryGone),
        (|row| row.entry.as_mut().unwrap().push(' '), LeafFault::Text),
        (|row| row.leaf.leaf_hash[0] ^= 1, LeafFault::Text),
        (|row| row.digest = Some("0".repeat(64)), LeafFault::Digest),
        (
            |row| row.leaf.audit_entry_id = Uuid::nil(),
            LeafFault::Column("id"),
        ),
        (
            |row| row.action = Some("x".to_owned()),
            LeafFault::Column("action"),
        ),
        (
            |row| row.trace_id = Some("x".to_owned()),
            LeafFault::Column("trace_id"),
        ),
        (
            |row| row.entry_recorded_at = Some(time::now()),
            LeafFault::Column("recorded_at"),
        ),
        (
            |row| {
                row.entry = Some("{}".to_owned());
                row.digest = Some(Digest::of(b"{}").to_string());
                row.leaf.leaf_hash = bytes(Hash::of_leaf(b"{}"));
            },
            LeafFault::NoEntry,
        ),
    ];
    for (alter, expected) in cases {
        let mut row = leaf(5);
        alter(&mut row);
        let found = passed(5, &signer, &verifier).leaf(&row).unwrap_err();
        let Tampering::Leaf {
            index: 5, fault, ..
        } = found
        else {
            panic!("{found}");
        };
        assert_eq!(fault, expected);
    }
}

#[test]
fn a_gap_between_leaves_is_named_by_the_leaf_that_is_missing() {
    let (signer, verifier) = keys(ORIGIN);
    for index in [4, 6] {
        let found = passed(5, &signer, &verifier).leaf(&leaf(index));
        assert_eq!(found, Err(Tampering::LeafMissing { index: 5 }));
    }
}

#[test]
fn leaves_that_agree_with_their_entries_and_not_with_what_was_signed_are_bounded() {
    let (signer, verifier) = keys(ORIGIN);
    let signed = checkpoint(&passed(5, &signer, &verifier).tree, &signer);
    let mut checker = passed(3, &signer, &verifier);
    // The entries of leaf 3 and leaf 4 were swapped together with their leaves.
    for (index, entry) in [(3, 4), (4, 3)] {
        let mut swapped = leaf(entry);
        swapped.leaf.leaf_index = index;
        checker.leaf(&swapped).unwrap();
    }
    let found = checker.checkpoint(&signed);
    assert_eq!(found, Err(Tampering::Leaves { first: 3, last: 4 }));
}

#[test]
fn an_altered_checkpoint_is_told_from_one_by_another_key() {
    let (signer, verifier) = keys(ORIGIN);
    let (stranger, _) = keys(ORIGIN);
    let mut checker = passed(5, &signer, &verifier);
    let good = checkpoint(&checker.tree, &signer);
    let alter: [fn(&mut CheckpointRow); 5] = [
        |row| row.note = row.note.replacen("\n5\n", "\n6\n", 1),
        |row| row.note.clear(),
        |row| row.root_hash[0] ^= 1,
        |row| row.tree_size = 4,
        |row| row.origin.push('x'),
    ];
    for alter in alter {
        let mut row = good.clone();
        alter(&mut row);
        let found = checker.checkpoint(&row).unwrap_err();
        assert!(matches!(found, Tampering::Checkpoint { .. }), "{found}");
    }
    let strange = checkpoint(&checker.tree, &stranger);
    assert_eq!(checker.checkpoint(&strange), Ok(()));
    assert_eq!(checker.signed(), 3);
    assert_eq!(checker.distrust(), Some(Distrust::OtherKey { size: 5 }));
}

#[test]
fn a_head_that_does_not_agree_with_the_leaves_is_found() {
    let (signer, verifier) = keys(ORIGIN);
    let checker = passed(5, &signer, &verifier);
    let alter: [fn(&mut StandingRow); 5] = [
        |kept| kept.last_leaf = Some(5),
        |kept| kept.checkpoint_size = Some(6),
        |kept| kept.head.root_hash[0] ^= 1,
        |kept| kept.head.frontier[9] ^= 1,
        |kept| kept.head.tree_size = -1,
    ];
    for alter in alter {
        let mut kept = standing(&checker.tree);
        alter(&mut kept);
        let found = checker.head(&kept).unwrap_err();
        assert!(matches!(found, Tampering::Head(_)), "{found}");
    }
}

#[test]
fn a_log_that_is_not_signed_is_not_trusted_and_one_not_signed_for_long_is_incomplete() {
    let (signer, verifier) = keys(ORIGIN);
    let mut unsigned = Checker::new(&verifier);
    assert_eq!(unsigned.distrust(), None);
    unsigned.leaf(&leaf(0)).unwrap();
    let distrust = Distrust::NothingSigned { leaves: 1 };
    assert_eq!(unsigned.distrust(), Some(distrust));

    let checker = passed(5, &signer, &verifier);
    let since = checker.unsigned_since.unwrap();
    let after = |seconds| since + std::time::Duration::from_secs(seconds);
    assert_eq!(checker.unsigned_too_long(after(60)), None);
    let gap = Gap::Unsigned { leaves: 2, since };
    assert_eq!(checker.unsigned_too_long(after(61)), Some(gap));
}
