//! Building snapshots.

use std::collections::HashSet;

use contract::digest::Digest;
use contract::ids::{LabId, SessionId};
use contract::name::CommitSha;
use contract::result::ErrorCause;
use objects::manifest::{BlobKind, Content, Manifest};
use objects::owner::Owner;
use objects::reader::SnapshotReader;
use objects::store::Objects;
use sample::lab::{LAB, PASSING};
use sample::repository::Change;
use snapshot_builder::build::{BuildError, Builder};

use crate::world::{World, sha};

struct Desk {
    world: World,
    objects: Objects,
    session: SessionId,
}

impl Desk {
    async fn make() -> Self {
        let world = World::make().await;
        let objects = Objects::open_folder(&world.folder.path().join("objects")).unwrap();
        Self {
            world,
            objects,
            session: SessionId::new(),
        }
    }

    async fn commit(&self, changes: &[Change<'_>]) -> CommitSha {
        sha(&self
            .world
            .learner
            .commit("main", "Change", changes)
            .await
            .unwrap())
    }

    async fn build(&self, commit: &CommitSha) -> Result<Manifest, BuildError> {
        let elsewhere = HashSet::new();
        let owner = Owner::Session(self.session);
        let mut builder = Builder::new(&self.objects, owner, &elsewhere);
        builder.build(&self.world.cache().await, commit).await
    }

    async fn refusal(&self, commit: &CommitSha) -> (ErrorCause, String) {
        match self.build(commit).await {
            Err(BuildError::Missing { cause, detail }) => (cause, detail),
            other => panic!("{other:?}"),
        }
    }
}

fn paths(manifest: &Manifest) -> Vec<String> {
    manifest
        .entries()
        .iter()
        .map(|entry| entry.path.to_string())
        .collect()
}

#[tokio::test]
async fn a_tree_is_preserved_with_every_kind_of_entry_and_read_back() {
    let desk = Desk::make().await;
    let changes = [
        Change::Symlink(b"latest", b"calc.sh"),
        Change::Symlink(b"outside", b"/etc/passwd"),
        Change::Gitlink(b"vendor/thing", &"1".repeat(40)),
        Change::File(b"caf\xe9\n.txt", b"latin"),
        Change::File(b"empty", b""),
        Change::File(b"binary", b"\0\xff\n\0"),
    ];
    let commit = desk.commit(&changes).await;
    let manifest = desk.build(&commit).await.unwrap();
    let reader = SnapshotReader::of_session(desk.objects.clone(), desk.session, LabId::new());
    let read = reader.manifest(manifest.digest()).await.unwrap();
    assert_eq!(read, manifest);
    let expected = [
        "README.md",
        "binary",
        "caf\\xe9\\x0a.txt",
        "calc.sh",
        "empty",
        "lab.toml",
        "latest",
        "outside",
        "tests/run.sh",
        "vendor/thing",
    ];
    assert_eq!(paths(&manifest), expected);
    let find = |path: &str| {
        let found = manifest
            .entries()
            .iter()
            .find(|entry| entry.path.to_string() == path);
        found.unwrap().content.clone()
    };
    for (path, kind, bytes) in [
        ("latest", BlobKind::Symlink, &b"calc.sh"[..]),
        ("outside", BlobKind::Symlink, b"/etc/passwd"),
        ("binary", BlobKind::Regular, b"\0\xff\n\0"),
        ("empty", BlobKind::Regular, b""),
    ] {
        let Content::Blob(blob) = find(path) else {
            panic!("{path}")
        };
        assert_eq!(blob.kind, kind, "{path}");
        assert_eq!(reader.blob(&blob).await.unwrap(), bytes, "{path}");
    }
    let Content::Blob(calc) = find("calc.sh") else {
        panic!()
    };
    assert_eq!(calc.kind, BlobKind::Executable);
    assert_eq!(find("vendor/thing"), Content::Gitlink(sha(&"1".repeat(40))));
}

#[tokio::test]
async fn the_same_tree_has_the_same_digest_whatever_its_commit_and_repository() {
    let desk = Desk::make().await;
    let first = desk.build(&desk.world.starting).await.unwrap();
    let changed = desk.commit(PASSING).await;
    let back = desk.commit(&[LAB[3]]).await;
    assert_ne!(desk.build(&changed).await.unwrap().digest(), first.digest());
    assert_eq!(desk.build(&back).await.unwrap().digest(), first.digest());
}

#[tokio::test]
async fn what_lies_with_the_lab_is_not_kept_again() {
    let desk = Desk::make().await;
    let lab = LabId::new();
    let nothing = HashSet::new();
    let head = sha(&desk.world.lab.head("main").await.unwrap());
    let cache = desk.world.cache_of(&desk.world.lab.clone_url()).await;
    let mut builder = Builder::new(&desk.objects, Owner::Lab(lab), &nothing);
    let given = builder.build(&cache, &head).await.unwrap();
    drop(cache);
    let elsewhere: HashSet<Digest> = given.blobs().map(|(_, blob)| blob.digest).collect();

    let commit = desk.commit(PASSING).await;
    let owner = Owner::Session(desk.session);
    let mut builder = Builder::new(&desk.objects, owner, &elsewhere);
    let manifest = builder
        .build(&desk.world.cache().await, &commit)
        .await
        .unwrap();
    for (path, blob) in manifest.blobs() {
        let kept = desk.objects.exists(owner, blob.digest).await.unwrap();
        assert_eq!(kept, path.to_string() == "calc.sh", "{path}");
    }
    let reader = SnapshotReader::of_session(desk.objects.clone(), desk.session, lab);
    for (_, blob) in manifest.blobs() {
        assert_eq!(reader.blob(blob).await.unwrap().len() as u64, blob.bytes);
    }
    assert_eq!(manifest, desk.build(&commit).await.unwrap());
}

#[tokio::test]
async fn a_commit_that_is_nowhere_is_missing_because_of_its_source() {
    let desk = Desk::make().await;
    let refusal = desk.refusal(&sha(&"1".repeat(40))).await;
    assert_eq!(
        refusal,
        (
            ErrorCause::SourceUnavailable,
            "the forge has no such commit".into()
        )
    );
}

#[tokio::test]
async fn a_tree_beyond_a_limit_is_refused_by_name() {
    let desk = Desk::make().await;
    let large = vec![0; 32 * 1024 * 1024 + 1];
    let commit = desk.commit(&[Change::File(b"large.bin", &large)]).await;
    let (cause, detail) = desk.refusal(&commit).await;
    assert_eq!(cause, ErrorCause::TreeRefused);
    let left_out = "large.bin has more than 33554432 bytes, and the forge left it out";
    assert_eq!(detail, left_out);

    let deep = vec!["d"; 65].join("/");
    let fixed = [
        Change::Remove(b"large.bin"),
        Change::File(deep.as_bytes(), b""),
    ];
    let commit = desk.commit(&fixed).await;
    let (cause, detail) = desk.refusal(&commit).await;
    assert_eq!(cause, ErrorCause::TreeRefused);
    assert!(detail.ends_with("has 65 parts, more than 64"), "{detail}");
}

#[tokio::test]
async fn a_tree_that_hides_a_git_folder_is_refused() {
    let desk = Desk::make().await;
    // A name that git's own check lets through on this system, and that Windows reads as .git.
    let path = b"a/b\\git~1/config";
    let commit = desk.commit(&[Change::File(path, b"[core]\n")]).await;
    let (cause, detail) = desk.refusal(&commit).await;
    assert_eq!(cause, ErrorCause::TreeRefused, "{detail}");
}

#[tokio::test]
async fn a_cache_whose_objects_were_lost_is_fetched_anew_while_a_tree_is_built() {
    let desk = Desk::make().await;
    let whole = desk.build(&desk.world.starting).await.unwrap();
    // Everything but the commit itself is taken out of the cache.
    let folder = desk.world.cache_folder();
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        let output = command
            .arg("-C")
            .arg(&folder)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let commit = desk.world.starting.as_str();
    let raw = git(&["cat-file", "commit", commit]);
    std::fs::remove_dir_all(folder.join("objects")).unwrap();
    std::fs::create_dir_all(folder.join("objects/pack")).unwrap();
    let file = desk.world.folder.path().join("commit");
    std::fs::write(&file, raw).unwrap();
    git(&["hash-object", "-t", "commit", "-w", file.to_str().unwrap()]);
    assert_eq!(desk.build(&desk.world.starting).await.unwrap(), whole);
}
