//! Tables and the golden text of the manifest.

use super::*;

fn blob(path: &str, kind: BlobKind, bytes: &[u8]) -> Entry {
    Entry {
        path: TreePath::new(path).unwrap(),
        content: Content::Blob(Blob {
            kind,
            bytes: bytes.len() as u64,
            digest: Digest::of(bytes),
        }),
    }
}

fn gitlink(path: &str) -> Entry {
    Entry {
        path: TreePath::new(path).unwrap(),
        content: Content::Gitlink("1".repeat(40).parse().unwrap()),
    }
}

fn sample() -> Manifest {
    Manifest::new(vec![
        gitlink("vendor/thing"),
        blob("calc.sh", BlobKind::Executable, b"#!/bin/sh\n"),
        blob("calc-old.sh", BlobKind::Regular, b""),
        blob("latest", BlobKind::Symlink, b"calc.sh"),
        blob("notes/über.md", BlobKind::Regular, b"hello\n"),
    ])
    .unwrap()
}

#[test]
fn the_text_is_the_golden_one_and_reads_back() {
    let text = sample().to_text();
    assert_eq!(text, include_str!("../../tests/golden/manifest.txt"));
    assert_eq!(Manifest::parse(text.as_bytes()), Ok(sample()));
    assert_eq!(sample().digest(), Digest::of(text.as_bytes()));
    assert_eq!((sample().file_count(), sample().total_bytes()), (4, 23));
}

#[test]
fn the_empty_tree_has_a_manifest_too() {
    let empty = Manifest::new(vec![]).unwrap();
    assert_eq!(empty.to_text(), "assay-snapshot/1\n");
    assert_eq!(Manifest::parse(b"assay-snapshot/1\n"), Ok(empty));
}

#[test]
fn the_digest_does_not_depend_on_the_order_of_discovery() {
    let mut entries = sample().entries().to_vec();
    entries.reverse();
    assert_eq!(Manifest::new(entries).unwrap().digest(), sample().digest());
}

#[test]
fn a_text_that_is_not_the_one_way_to_write_a_tree_is_refused() {
    let digest = Digest::of(b"");
    let line = |text: &str| {
        format!(
            "assay-snapshot/1\n{}\n",
            text.replace('D', &format!("{digest}"))
        )
    };
    for (text, why) in [
        (String::new(), ManifestError::Header),
        ("assay-snapshot/2\n".into(), ManifestError::Header),
        ("assay-snapshot/1".into(), ManifestError::Header),
        (line("100644 0 D"), ManifestError::Line { line: 2 }),
        (line("100664 0 D a"), ManifestError::Line { line: 2 }),
        (line("100644 -1 D a"), ManifestError::Line { line: 2 }),
        (line("100644 0 e3b0 a"), ManifestError::Line { line: 2 }),
        (line("160000 0 D a"), ManifestError::Line { line: 2 }),
        (line("100644 00 D a"), ManifestError::NotCanonical),
        (line("100644 +0 D a"), ManifestError::NotCanonical),
        (
            line("100644 0 D b\n100644 0 D a"),
            ManifestError::NotCanonical,
        ),
        (
            line("100644 0 D a").trim_end().into(),
            ManifestError::NotCanonical,
        ),
        (line(""), ManifestError::Line { line: 2 }),
        (
            line("100644 0 D ../a"),
            ManifestError::Path {
                line: 2,
                source: BadPath::Dots,
            },
        ),
        (
            line("100644 0 D .GIT/a"),
            ManifestError::Path {
                line: 2,
                source: BadPath::DotGit,
            },
        ),
        (
            line(r"100644 0 D \x61"),
            ManifestError::Path {
                line: 2,
                source: BadPath::Escape,
            },
        ),
    ] {
        assert_eq!(Manifest::parse(text.as_bytes()), Err(why), "{text}");
    }
}

#[test]
fn a_tree_in_which_a_file_is_also_a_folder_is_refused() {
    let file = |path| blob(path, BlobKind::Symlink, b"/etc");
    let also = Manifest::new(vec![file("a/b/c"), file("a-b"), file("a/b")]);
    assert_eq!(also, Err(ManifestError::AlsoFolder { path: "a/b".into() }));
    let twice = Manifest::new(vec![file("a"), file("b"), file("a")]);
    assert_eq!(twice, Err(ManifestError::Twice { path: "a".into() }));
    assert!(Manifest::new(vec![file("a"), file("a-b"), file("a.b/c")]).is_ok());
}
