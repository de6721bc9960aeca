//! Objects in a real folder.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that does not hold"
)]

mod deaf;
mod long;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use contract::digest::Digest;
use contract::ids::{LabId, SessionId};
use objects::manifest::{Blob, BlobKind, Content, Entry, Manifest};
use objects::owner::Owner;
use objects::path::TreePath;
use objects::reader::SnapshotReader;
use objects::store::{Objects, ObjectsError};

/// More than these objects have.
const BYTES_MAX: u64 = 1024;

fn open(folder: &Path) -> Objects {
    Objects::open_folder(folder).unwrap()
}

/// The one file that the folder holds.
fn only_file(folder: &Path) -> PathBuf {
    let mut files = files(folder);
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path());
    let nested = entries.map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    });
    let all = nested.flatten();
    all.filter(|path| path.file_name().unwrap() != "identity")
        .collect()
}

#[tokio::test]
async fn bytes_put_twice_are_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let objects = open(folder.path());
    let owner = Owner::Session(SessionId::new());
    let first = objects.put(owner, "hello".into()).await.unwrap();
    let again = objects.put(owner, "hello".into()).await.unwrap();
    assert_eq!(first, again);
    assert!(objects.exists(owner, first).await.unwrap());
    assert_eq!(objects.get(owner, first, BYTES_MAX).await.unwrap(), "hello");
    only_file(folder.path());
}

#[tokio::test]
async fn many_who_put_the_same_bytes_at_once_all_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let owner = Owner::Session(SessionId::new());
    let mut putting = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let objects = open(folder.path());
        putting.spawn(async move { objects.put(owner, Bytes::from_static(b"hello")).await });
    }
    for put in putting.join_all().await {
        assert_eq!(put.unwrap(), Digest::of(b"hello"));
    }
    only_file(folder.path());
}

#[tokio::test]
async fn one_owner_does_not_see_what_is_anothers() {
    let folder = tempfile::tempdir().unwrap();
    let objects = open(folder.path());
    let digest = objects
        .put(Owner::Session(SessionId::new()), "hello".into())
        .await
        .unwrap();
    let other = Owner::Session(SessionId::new());
    assert!(!objects.exists(other, digest).await.unwrap());
    let err = objects.get(other, digest, BYTES_MAX).await.unwrap_err();
    assert!(matches!(err, ObjectsError::Missing { .. }), "{err}");
    assert!(!err.is_transient());
}

#[tokio::test]
async fn a_corrupted_object_is_not_given_out() {
    let folder = tempfile::tempdir().unwrap();
    let objects = open(folder.path());
    let owner = Owner::Session(SessionId::new());
    let digest = objects.put(owner, "hello".into()).await.unwrap();
    std::fs::write(only_file(folder.path()), "hellO").unwrap();
    let err = objects.get(owner, digest, BYTES_MAX).await.unwrap_err();
    let ObjectsError::Corrupt { found, .. } = err else {
        panic!("{err}")
    };
    assert_eq!(found, Digest::of(b"hellO"));
}

#[tokio::test]
async fn an_object_larger_than_its_reader_takes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let objects = open(folder.path());
    let owner = Owner::Lab(LabId::new());
    let digest = objects.put(owner, "hello".into()).await.unwrap();
    assert_eq!(objects.get(owner, digest, 5).await.unwrap(), "hello");
    let err = objects.get(owner, digest, 4).await.unwrap_err();
    assert!(
        matches!(
            err,
            ObjectsError::TooLarge {
                bytes: 5,
                bytes_max: 4,
                ..
            }
        ),
        "{err}"
    );
}

#[tokio::test]
async fn a_delivery_body_is_found_by_the_digest_of_the_raw_body() {
    let folder = tempfile::tempdir().unwrap();
    let objects = open(folder.path());
    let body = Digest::of(b"raw");
    objects
        .put_delivery_body(body, "frame".into())
        .await
        .unwrap();
    objects
        .put_delivery_body(body, "another frame of it".into())
        .await
        .unwrap();
    assert_eq!(
        objects.get_delivery_body(body, BYTES_MAX).await.unwrap(),
        "frame"
    );
}

#[tokio::test]
async fn a_snapshot_is_read_from_the_session_and_then_from_the_lab() {
    let folder = tempfile::tempdir().unwrap();
    let objects = open(folder.path());
    let (session, lab) = (SessionId::new(), LabId::new());
    let kept = objects
        .put(Owner::Session(session), "mine".into())
        .await
        .unwrap();
    let shared = objects.put(Owner::Lab(lab), "given".into()).await.unwrap();
    let entry = |path: &str, digest, bytes| Entry {
        path: TreePath::new(path).unwrap(),
        content: Content::Blob(Blob {
            kind: BlobKind::Regular,
            bytes,
            digest,
        }),
    };
    let manifest = Manifest::new(vec![entry("a", kept, 4), entry("b", shared, 5)]).unwrap();
    let text = Bytes::from(manifest.to_text());
    let digest = objects.put(Owner::Session(session), text).await.unwrap();
    assert_eq!(digest, manifest.digest());

    let reader = SnapshotReader::of_session(objects.clone(), session, lab);
    assert_eq!(reader.manifest(digest).await.unwrap(), manifest);
    let mut contents = vec![];
    for (_, blob) in manifest.blobs() {
        contents.push(reader.blob(blob).await.unwrap());
    }
    assert_eq!(contents, ["mine", "given"]);
    let err = reader.manifest(kept).await.unwrap_err();
    assert!(matches!(err, ObjectsError::NotAManifest { .. }), "{err}");
    let of_lab = SnapshotReader::of_lab(objects, lab);
    assert!(matches!(
        of_lab.manifest(digest).await,
        Err(ObjectsError::Missing { .. })
    ));
}

#[tokio::test]
async fn a_store_that_takes_no_objects_shows_in_its_probe() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("objects");
    let objects = open(&place);
    objects.probe().await.unwrap();
    objects.probe().await.unwrap();
    // A file where the folder was: no right of root's gets past that.
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::write(&place, "").unwrap();
    assert!(objects.probe().await.unwrap_err().is_transient());
}

#[tokio::test]
async fn a_folder_that_is_away_has_nothing_that_is_missing_and_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (place, aside) = (folder.path().join("objects"), folder.path().join("aside"));
    let (objects, owner) = (open(&place), Owner::Session(SessionId::new()));
    let kept = objects.put(owner, "hello".into()).await.unwrap();
    let body = Digest::of(b"raw");
    objects
        .put_delivery_body(body, "frame".into())
        .await
        .unwrap();
    std::fs::rename(&place, &aside).unwrap();
    // Gone; then an empty one in its place, as a mount point is; then somebody else's.
    for replace in [None, Some(false), Some(true)] {
        match replace {
            None => {}
            Some(false) => std::fs::create_dir(&place).unwrap(),
            Some(true) => drop(open(&place)),
        }
        let refusals = [
            objects.get(owner, kept, BYTES_MAX).await.unwrap_err(),
            objects
                .get_delivery_body(body, BYTES_MAX)
                .await
                .unwrap_err(),
            objects.exists(owner, kept).await.unwrap_err(),
            objects.put(owner, "new".into()).await.unwrap_err(),
            objects.probe().await.unwrap_err(),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, ObjectsError::Away), "{refusal:?}");
            assert!(refusal.is_transient());
        }
        // Nothing may be left that would be taken for an object.
        if place.exists() {
            assert_eq!(files(&place), Vec::<PathBuf>::new());
        }
    }
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::rename(&aside, &place).unwrap();
    objects.probe().await.unwrap();
    assert_eq!(objects.get(owner, kept, BYTES_MAX).await.unwrap(), "hello");
}

#[tokio::test]
async fn those_who_open_a_new_folder_at_once_take_it_for_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("objects");
    let opening: Vec<_> = (0..16)
        .map(|_| {
            let place = place.clone();
            std::thread::spawn(move || open(&place))
        })
        .collect();
    for opened in opening {
        opened.join().unwrap().probe().await.unwrap();
    }
}
