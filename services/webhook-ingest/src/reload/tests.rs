//! When a change counts, and how often it is said, by tables of values.

use serde_json::json;

use super::*;

fn configured(secret: &str) -> Configured {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, secret).unwrap();
    let source = json!({
        "provider": "github",
        "fetch_url": "https://forge.example/{full_name}.git",
        "secrets": [{ "name": "only", "file": file }],
    });
    let settings = Settings::default().with("sources.github", source).unwrap();
    Configured::read(&settings).unwrap()
}

#[test]
fn a_change_counts_when_it_is_settled_or_asked_for_and_a_bad_one_is_said_once() {
    let (one, two) = (
        configured("the first secret"),
        configured("the second secret"),
    );
    let bad = |reason: &str| Err(reason.to_owned());
    let refuse = |reason: &str| Verdict::Refuse(reason.to_owned());
    let mut judge = Judge {
        holds: one.clone(),
        last: None,
        said: None,
    };
    for (step, read, asked, expected) in [
        (1, Ok(&one), false, Verdict::Keep),
        (2, Ok(&one), false, Verdict::Keep),
        (3, Ok(&two), false, Verdict::Keep),
        (4, Ok(&one), false, Verdict::Keep),
        (5, Ok(&two), false, Verdict::Keep),
        (6, Ok(&two), false, Verdict::Swap(two.clone())),
        (7, Ok(&two), false, Verdict::Keep),
        (8, Ok(&one), true, Verdict::Swap(one.clone())),
        (9, Ok(&one), true, Verdict::Keep),
        (10, bad("a"), false, Verdict::Keep),
        (11, bad("a"), false, refuse("a")),
        (12, bad("a"), false, Verdict::Keep),
        (13, bad("a"), true, refuse("a")),
        (14, bad("b"), false, Verdict::Keep),
        (15, bad("b"), false, refuse("b")),
        (16, Ok(&one), false, Verdict::Keep),
        (17, Ok(&one), false, Verdict::Mended),
        (18, Ok(&one), false, Verdict::Keep),
        (19, bad("b"), true, refuse("b")),
        (20, Ok(&two), true, Verdict::Swap(two.clone())),
        (21, Ok(&two), false, Verdict::Keep),
    ] {
        let verdict = judge.judge(read.cloned(), asked);
        assert_eq!(verdict, expected, "step {step}");
    }
}

#[test]
fn a_verdict_shows_no_secret() {
    let shown = format!("{:?}", Verdict::Swap(configured("hunter2 hunter2 hunter2")));
    assert!(!shown.contains("hunter2"), "{shown}");
}
