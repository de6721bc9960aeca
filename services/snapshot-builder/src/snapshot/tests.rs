//! Tables of what is kept and what is refused.

use super::*;

fn line(mode: &str, bytes: Option<u64>, path: impl Into<Vec<u8>>) -> TreeLine {
    let id = "1".repeat(40);
    TreeLine {
        mode: mode.into(),
        id,
        bytes,
        path: path.into(),
    }
}

fn file(bytes: u64, path: impl Into<Vec<u8>>) -> TreeLine {
    line("100644", Some(bytes), path)
}

#[test]
fn every_kind_of_entry_is_planned() {
    let planned = plan(vec![
        file(1, "a"),
        line("100755", Some(2), "b"),
        line("120000", Some(3), "c"),
        line("160000", None, "d"),
    ])
    .unwrap();
    let kinds: Vec<_> = planned
        .iter()
        .map(|entry| match &entry.content {
            PlannedContent::Blob { kind, .. } => Some(*kind),
            PlannedContent::Gitlink(_) => None,
        })
        .collect();
    let blobs = [BlobKind::Regular, BlobKind::Executable, BlobKind::Symlink];
    assert_eq!(
        kinds,
        [Some(blobs[0]), Some(blobs[1]), Some(blobs[2]), None]
    );
}

#[test]
fn what_lies_on_a_limit_is_kept_and_what_lies_beyond_is_refused() {
    let deep = |parts: usize| vec!["a"; parts].join("/");
    let total = |last: u64| {
        let full = TOTAL_BYTES_MAX / BLOB_BYTES_MAX;
        let mut lines: Vec<_> = (0..full)
            .map(|n| file(BLOB_BYTES_MAX, n.to_string()))
            .collect();
        lines.push(file(last, "last"));
        lines
    };
    for (kept, refused, why) in [
        (
            vec![file(0, "a"); FILES_MAX],
            vec![file(0, "a"); FILES_MAX + 1],
            "20000 files",
        ),
        (total(0), total(1), "bytes together"),
        (
            vec![file(BLOB_BYTES_MAX, "a")],
            vec![file(BLOB_BYTES_MAX + 1, "a")],
            "a has 3355",
        ),
        (
            vec![line("120000", Some(TARGET_BYTES_MAX), "a")],
            vec![line("120000", Some(TARGET_BYTES_MAX + 1), "a")],
            "target of 4096",
        ),
        (
            vec![file(0, "a".repeat(PATH_BYTES_MAX))],
            vec![file(0, "a".repeat(PATH_BYTES_MAX + 1))],
            "more than 1024",
        ),
        (
            vec![file(0, deep(DEPTH_MAX))],
            vec![file(0, deep(DEPTH_MAX + 1))],
            "64 parts",
        ),
    ] {
        assert!(plan(kept).is_ok(), "{why}");
        let said = plan(refused).unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_path_that_could_harm_and_a_mode_that_is_none_are_refused_by_name() {
    let path = |path: &str, reason| TreeRefused::Path {
        path: path.into(),
        reason,
    };
    for (bad, why) in [
        (
            file(0, "a/.GIT/config"),
            path("a/.GIT/config", BadPath::DotGit),
        ),
        (file(0, "../a"), path("../a", BadPath::Dots)),
        (
            line("040000", None, "a"),
            TreeRefused::Mode {
                path: "a".into(),
                mode: "040000".into(),
            },
        ),
        (
            line("160000", Some(1), "a"),
            TreeRefused::Mode {
                path: "a".into(),
                mode: "160000".into(),
            },
        ),
        (
            line("100644", None, "a"),
            TreeRefused::Mode {
                path: "a".into(),
                mode: "100644".into(),
            },
        ),
    ] {
        assert_eq!(plan(vec![bad]), Err(why));
    }
}
