//! Tables of what is kept and what is refused.

use super::*;

const LIMITS: Limits = Limits {
    files_max: 20,
    total_bytes_max: 40_000,
    blob_bytes_max: 5_000,
    path_bytes_max: 700,
    depth_max: 64,
    objects_max: 1,
    git: git::program::Bounds {
        file_bytes_max: 1,
        memory_bytes_max: 1,
        cpu_seconds_max: 1,
    },
};

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
    let lines = vec![
        file(1, "a"),
        line("100755", Some(2), "b"),
        line("120000", Some(3), "c"),
        line("160000", None, "d"),
    ];
    let planned = plan(lines, &LIMITS).unwrap();
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
    let long = |bytes: usize| {
        let parts = vec!["a".repeat(200); 3].join("/");
        format!("{parts}/{}", "a".repeat(bytes - parts.len() - 1))
    };
    let total = |last: u64| {
        let full = LIMITS.total_bytes_max / LIMITS.blob_bytes_max;
        let mut lines: Vec<_> = (0..full)
            .map(|n| file(LIMITS.blob_bytes_max, n.to_string()))
            .collect();
        lines.push(file(last, "last"));
        lines
    };
    for (kept, refused, why) in [
        (
            vec![file(0, "a"); LIMITS.files_max],
            vec![file(0, "a"); LIMITS.files_max + 1],
            "the tree has 21 files, more than 20",
        ),
        (
            total(0),
            total(1),
            "the tree's files have 40001 bytes together, more than 40000",
        ),
        (
            vec![file(LIMITS.blob_bytes_max, "a")],
            vec![file(LIMITS.blob_bytes_max + 1, "a")],
            "a has 5001 bytes, more than 5000",
        ),
        (
            vec![line("120000", Some(TARGET_BYTES_MAX), "a")],
            vec![line("120000", Some(TARGET_BYTES_MAX + 1), "a")],
            "target of 4096",
        ),
        (
            vec![file(0, long(LIMITS.path_bytes_max))],
            vec![file(0, long(LIMITS.path_bytes_max + 1))],
            "… is a path of 701 bytes, more than 700",
        ),
        (
            vec![file(0, "a".repeat(NAME_BYTES_MAX))],
            vec![file(0, "a".repeat(NAME_BYTES_MAX + 1))],
            "… has a part of 256 bytes, more than 255",
        ),
        (
            vec![file(0, deep(LIMITS.depth_max))],
            vec![file(0, deep(LIMITS.depth_max + 1))],
            "has 65 parts, more than 64",
        ),
    ] {
        assert!(plan(kept, &LIMITS).is_ok(), "{why}");
        let said = plan(refused, &LIMITS).unwrap_err().to_string();
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
        assert_eq!(plan(vec![bad], &LIMITS), Err(why));
    }
}
