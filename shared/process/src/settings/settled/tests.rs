//! When a change counts, and how often it is said, by a table of values.

use super::*;

#[test]
fn a_change_counts_when_it_is_settled_or_asked_for_and_a_bad_one_is_said_once() {
    let (one, two) = ("the first", "the second");
    let bad = |reason: &str| Err(reason.to_owned());
    let refuse = |reason: &str| Verdict::Refuse(reason.to_owned());
    let mut judge = Judge::new(one);
    for (step, read, asked, expected) in [
        (1, Ok(one), false, Verdict::Keep),
        (2, Ok(one), false, Verdict::Keep),
        (3, Ok(two), false, Verdict::Keep),
        (4, Ok(one), false, Verdict::Keep),
        (5, Ok(two), false, Verdict::Keep),
        (6, Ok(two), false, Verdict::Swap(two)),
        (7, Ok(two), false, Verdict::Keep),
        (8, Ok(one), true, Verdict::Swap(one)),
        (9, Ok(one), true, Verdict::Keep),
        (10, bad("a"), false, Verdict::Keep),
        (11, bad("a"), false, refuse("a")),
        (12, bad("a"), false, Verdict::Keep),
        (13, bad("a"), true, refuse("a")),
        (14, bad("b"), false, Verdict::Keep),
        (15, bad("b"), false, refuse("b")),
        (16, Ok(one), false, Verdict::Keep),
        (17, Ok(one), false, Verdict::Mended),
        (18, Ok(one), false, Verdict::Keep),
        (19, bad("b"), true, refuse("b")),
        (20, Ok(two), true, Verdict::Swap(two)),
        (21, Ok(two), false, Verdict::Keep),
    ] {
        let verdict = judge.judge(read, asked);
        assert_eq!(verdict, expected, "step {step}");
    }
}
