//! What can be wrong with a proof: its lines, its entry, its row, its checkpoint, the key.

use super::Change::{Append, Copy, Cut, Flip, Replace};
use super::{Case, Check, INCOMPLETE, OK, TAMPERED, UNTRUSTED};
use crate::log::Keys;

const PROOF: &str = "proof/attempt.tlog-proof";
const OTHER: &str = "proof/other.tlog-proof";
const BARE: &str = "proof/bare.tlog-proof";
const ENTRY: &str = "proof/entry.json";

pub(super) fn cases(keys: &Keys) -> Vec<Case> {
    [
        good(keys),
        lines(keys),
        ways(keys),
        notes(keys),
        rows(keys),
        pinned(keys),
    ]
    .concat()
}

fn of(name: &'static str, keys: &Keys) -> Case {
    Case::new(Check::Proof, PROOF, name, keys)
}

fn on(proof: &'static str, name: &'static str, keys: &Keys) -> Case {
    Case::new(Check::Proof, proof, name, keys)
}

fn with_entry(mut case: Case, entry: &'static str) -> Case {
    case.entry = Some(entry);
    case
}

fn with_row(mut case: Case, row: &'static str) -> Case {
    case.row = Some(row);
    case
}

fn good(keys: &Keys) -> Vec<Case> {
    let new = keys.new.verifying().as_str().to_owned();
    vec![
        of("the proof is good", keys).found(OK, "leaf 17"),
        with_row(
            of("the proof and the first row are good", keys),
            "proof/row-1.json",
        )
        .found(OK, "lab_attempt"),
        with_row(
            of("the proof and the second row are good", keys),
            "proof/row-2.json",
        )
        .found(OK, "lab_attempt"),
        with_entry(
            on(BARE, "a proof without its entry is good with it", keys),
            ENTRY,
        )
        .found(OK, "leaf 17"),
        on(
            "proof/new-key.tlog-proof",
            "a proof by the new key is good by it",
            keys,
        )
        .key(&new)
        .found(OK, "leaf 0"),
        on(
            "proof/second.tlog-proof",
            "a proof of a later epoch is good by the log's key",
            keys,
        )
        .key(&new)
        .found(OK, "leaf 4"),
        on(
            "proof/only-leaf.tlog-proof",
            "the only leaf needs no hashes",
            keys,
        )
        .found(OK, "leaf 0"),
        on(
            "proof/change.tlog-proof",
            "the leaf that changes the key is proven",
            keys,
        )
        .found(OK, "log.key"),
    ]
}

fn lines(keys: &Keys) -> Vec<Case> {
    vec![
        of("the proof is of another version", keys)
            .with(Replace(PROOF, "@v1", "@v2"))
            .found(TAMPERED, "line 1"),
        of("the extra data is not base64", keys)
            .with(Replace(PROOF, "extra ", "extra !"))
            .found(TAMPERED, "line 2"),
        of("the index is no number", keys)
            .with(Replace(PROOF, "index 17", "index x"))
            .found(TAMPERED, "line 3"),
        of("the index has a leading zero", keys)
            .with(Replace(PROOF, "index 17", "index 017"))
            .found(TAMPERED, "line 3"),
        of("the index is missing", keys)
            .with(Replace(PROOF, "index 17\n", ""))
            .found(TAMPERED, "line 3"),
        of("a hash lacks a letter", keys)
            .with(Replace(PROOF, "index 17\n", "index 17\nAA="))
            .found(TAMPERED, "line 4"),
        of("the lines end as on Windows", keys)
            .with(Replace(PROOF, "@v1\n", "@v1\r\n"))
            .found(TAMPERED, "line 1"),
        of("the proof is empty", keys)
            .with(Cut(PROOF, 0))
            .found(INCOMPLETE, "ends"),
        of("the proof ends after its first line", keys)
            .with(Cut(PROOF, 23))
            .found(INCOMPLETE, "ends"),
        of("the proof ends within its entry", keys)
            .with(Cut(PROOF, 200))
            .found(INCOMPLETE, "ends"),
        of("the proof ends within its signature", keys)
            .with(Cut(PROOF, -10))
            .found(INCOMPLETE, "not whole"),
        of("the proof ends before its signature's line does", keys)
            .with(Cut(PROOF, -1))
            .found(INCOMPLETE, "not whole"),
    ]
}

fn ways(keys: &Keys) -> Vec<Case> {
    vec![
        of("the index is that of the next leaf", keys)
            .with(Replace(PROOF, "index 17", "index 18"))
            .found(TAMPERED, "leaf 18"),
        of("the index is that of the last leaf", keys)
            .with(Replace(PROOF, "index 17", "index 259"))
            .found(TAMPERED, "leaf 259"),
        of("the index is beyond the tree", keys)
            .with(Replace(PROOF, "index 17", "index 260"))
            .found(TAMPERED, "leaf 260"),
        of("the index is absurd", keys)
            .with(Replace(PROOF, "index 17", "index 18446744073709551615"))
            .found(TAMPERED, "leaf 18446744073709551615"),
        of("a hash too many", keys)
            .with(Replace(
                PROOF,
                "index 17\n",
                "index 17\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
            ))
            .found(TAMPERED, "leaf 17"),
        on(BARE, "the way is that of another leaf", keys)
            .with(Copy(BARE, OTHER))
            .with(Replace(BARE, "index 18", "index 17"))
            .found(TAMPERED, "leaf 17"),
        of("the entry says another outcome", keys)
            .with(Replace(PROOF, "extra e", "extra f"))
            .found(TAMPERED, "leaf 17"),
        with_entry(
            on(BARE, "the entry is a forged one", keys),
            "proof/forged-entry.json",
        )
        .found(TAMPERED, "leaf 17"),
        with_entry(on(BARE, "the entry has a space more", keys), ENTRY)
            .with(Append(ENTRY, " "))
            .found(TAMPERED, "leaf 17"),
        on(BARE, "there is no entry", keys).found(INCOMPLETE, "entry"),
        on(
            "proof/only-leaf.tlog-proof",
            "the only leaf with a hash",
            keys,
        )
        .with(Replace(
            "proof/only-leaf.tlog-proof",
            "index 0\n",
            "index 0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        ))
        .found(TAMPERED, "leaf 0"),
    ]
}

fn notes(keys: &Keys) -> Vec<Case> {
    vec![
        of("the proof's checkpoint has another size", keys)
            .with(Replace(PROOF, "\n260\n", "\n261\n"))
            .found(TAMPERED, "checkpoint"),
        of("the proof's checkpoint has another origin", keys)
            .with(Replace(
                PROOF,
                "\n\nlog.example/lab\n",
                "\n\nlog.example/lad\n",
            ))
            .found(UNTRUSTED, "log.example/lad"),
        of("the proof's checkpoint says to be of a later epoch", keys)
            .with(Replace(
                PROOF,
                "\n\nlog.example/lab\n",
                "\n\nlog.example/lab/epoch-2\n",
            ))
            .found(UNTRUSTED, "checkpoint"),
        of("the proof's signature is turned", keys)
            .with(Flip(PROOF, -30))
            .found(TAMPERED, "checkpoint"),
        of("the proof's signature has a space more", keys)
            .with(Replace(
                PROOF,
                "\u{2014} log.example/lab ",
                "\u{2014} log.example/lab  ",
            ))
            .found(TAMPERED, "checkpoint"),
        of("the proof's signer has another name", keys)
            .with(Replace(
                PROOF,
                "\u{2014} log.example/lab ",
                "\u{2014} log.example/lad ",
            ))
            .found(UNTRUSTED, "checkpoint"),
        of("there is text after the proof", keys)
            .with(Append(PROOF, "and more\n"))
            .found(TAMPERED, "checkpoint"),
        on(
            "proof/new-key.tlog-proof",
            "a proof by the new key, the old one pinned",
            keys,
        )
        .found(UNTRUSTED, "checkpoint"),
    ]
}

fn rows(keys: &Keys) -> Vec<Case> {
    const ROW: &str = "proof/row-1.json";
    let row = |name| with_row(of(name, keys), ROW);
    vec![
        row("a column of the row is another")
            .with(Replace(ROW, "main", "next"))
            .found(TAMPERED, "leaf 17"),
        row("a column of the row is gone")
            .with(Replace(ROW, "  \"note\": null,\n", ""))
            .found(TAMPERED, "leaf 17"),
        row("a number of the row is a text")
            .with(Replace(ROW, "\"number\": 1", "\"number\": \"1\""))
            .found(TAMPERED, "leaf 17"),
        with_row(on(OTHER, "the row is covered by another leaf", keys), ROW)
            .found(TAMPERED, "leaf 18"),
    ]
}

fn pinned(keys: &Keys) -> Vec<Case> {
    let stranger = keys.stranger.verifying().as_str().to_owned();
    let key = keys.old.verifying().as_str().to_owned();
    let mut other = of("a proof, and another log was pinned", keys);
    other.origin = "log.example/else".to_owned();
    vec![
        of("a proof, and another key was pinned", keys)
            .key(&stranger)
            .found(UNTRUSTED, "checkpoint"),
        other.found(UNTRUSTED, "log.example/else"),
        of("a proof, and a letter of the pinned key is another", keys)
            .key(&key.replace("AYqI", "AYqJ"))
            .found(UNTRUSTED, "pinned key"),
        of("a proof, and the pinned key is no key", keys)
            .key("")
            .found(UNTRUSTED, "pinned key"),
    ]
}
