//! Hands the readers of reports their corpus, changed a little and often, the same way each time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::fs;
use std::path::PathBuf;

/// Changed inputs of each input that is kept.
const CHANGED: u64 = 2_000;
/// Most changes of one input.
const CHANGES_MAX: u64 = 6;
/// What is put in where something is changed: what readers look for.
const PIECES: [&[u8]; 16] = [
    b"<testcase name=\"a\"",
    b"<testsuite>",
    b"</testcase>",
    b"/>",
    b"<![CDATA[",
    b"]]>",
    b"&#27;",
    b"&lt;",
    b"<failure message=\"",
    b"not ok 2 - ",
    b"1..2\n",
    b"  ---\n",
    b"    Bail out!",
    b" # SKIP ",
    b"\x1b]0;",
    b"\xff\0",
];

/// The numbers of Steele and Vigna's splitmix64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }

    fn place(&mut self, bytes: &[u8]) -> usize {
        usize::try_from(self.below(bytes.len() as u64 + 1)).unwrap()
    }
}

fn changed(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..=numbers.below(CHANGES_MAX) {
        let (from, to) = (numbers.place(&changed), numbers.place(&changed));
        let part = from.min(to)..from.max(to);
        match numbers.below(4) {
            0 => drop(changed.drain(part)),
            1 => {
                let twice = changed[part].to_vec();
                changed.splice(from..from, twice);
            }
            2 if from < changed.len() => changed[from] ^= 1 << numbers.below(8),
            _ => {
                let piece = PIECES[usize::try_from(numbers.below(16)).unwrap()];
                changed.splice(from..from, piece.iter().copied());
            }
        }
    }
    changed
}

#[test]
fn what_must_hold_for_any_report_holds_for_reports_that_were_changed() {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for name in ["report_junit", "report_tap"] {
        let target = fuzzed::target(name).unwrap();
        let mut inputs: Vec<PathBuf> = fs::read_dir(corpus.join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        inputs.sort();
        let mut numbers = Numbers(1);
        for input in inputs {
            let bytes = fs::read(&input).unwrap();
            for _ in 0..CHANGED {
                let changed = changed(&bytes, &mut numbers);
                let ran = std::panic::catch_unwind(|| target(&changed));
                let shown = String::from_utf8_lossy(&changed);
                assert!(ran.is_ok(), "{name} does not hold for {shown:?}");
            }
        }
    }
}
