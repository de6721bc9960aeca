//! Objects in a bucket of a real server: all that a folder does, and races of those who write.

use std::time::Duration;

use bytes::Bytes;
use contract::digest::Digest;
use contract::ids::{CommandId, SessionId};
use contract::time::now;
use futures::StreamExt as _;
use objects::copy::Copied;
use objects::log::LogFile;
use objects::owner::Owner;
use objects::s3::Bucket;
use objects::store::{Objects, ObjectsError};
use testkit::bucket::{ACCESS_KEY, BucketServer, SECRET_KEY};
use tlog::tile::{Kind, Tile};
use tokio::task::JoinSet;

use crate::BYTES_MAX;

/// Writers in a race.
const WRITERS: usize = 16;

/// The bucket of this name behind an address.
pub(crate) fn bucket(endpoint: String, name: &str) -> Bucket {
    Bucket {
        endpoint,
        name: name.to_owned(),
        region: "us-east-1".to_owned(),
        prefix: None,
        path_style: true,
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        ca_file: None,
        answer_max: Duration::from_secs(60),
        retries_max: 3,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_does_what_a_folder_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = BucketServer::start(folder.path()).await;
    let of = |name: &str| Objects::open_bucket(&bucket(server.endpoint(), name)).unwrap();
    keeps_and_gives(&of("kept")).await;
    checks_what_it_gives(&of("checked")).await;
    removes(&of("removed")).await;
    serves_the_log(&of("log")).await;
    is_copied(&of("copied"), folder.path()).await;
    shares_its_bucket(&server).await;
    is_raced_for(&server).await;
    is_known_again(&server).await;
}

async fn keeps_and_gives(objects: &Objects) {
    objects.probe().await.unwrap();
    assert!(!objects.keeps_versions().await.unwrap());
    assert!(objects.is_empty().await.unwrap(), "a probe is no object");
    let owner = Owner::Session(SessionId::new());
    let first = objects.put(owner, "hello".into()).await.unwrap();
    let again = objects.put(owner, "hello".into()).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(objects.get(owner, first, BYTES_MAX).await.unwrap(), "hello");
    let other = Owner::Session(SessionId::new());
    assert!(!objects.exists(other, first).await.unwrap());
    let missing = objects.get(other, first, BYTES_MAX).await.unwrap_err();
    assert!(matches!(missing, ObjectsError::Missing { .. }), "{missing}");
    let large = objects.get(owner, first, 4).await.unwrap_err();
    assert!(
        matches!(large, ObjectsError::TooLarge { bytes: 5, .. }),
        "{large}"
    );
    // Larger than one part of anything.
    let bytes = Bytes::from(vec![7; 9 * 1024 * 1024]);
    let digest = objects.put(owner, bytes.clone()).await.unwrap();
    assert_eq!(objects.get(owner, digest, u64::MAX).await.unwrap(), bytes);
    let empty = objects.put(owner, Bytes::new()).await.unwrap();
    assert_eq!(objects.get(owner, empty, 0).await.unwrap(), "");
}

async fn checks_what_it_gives(objects: &Objects) {
    let owner = Owner::Session(SessionId::new());
    let digest = objects.put(owner, "hello".into()).await.unwrap();
    let key = objects.keys().next().await.unwrap().unwrap();
    objects.put_at(&key, "hellO".into()).await.unwrap();
    let corrupt = objects.get(owner, digest, BYTES_MAX).await.unwrap_err();
    let ObjectsError::Corrupt { found, .. } = corrupt else {
        panic!("{corrupt}")
    };
    assert_eq!(found, Digest::of(b"hellO"));
}

async fn removes(objects: &Objects) {
    let (owner, other) = (
        Owner::Session(SessionId::new()),
        Owner::Session(SessionId::new()),
    );
    // More than one page of a listing.
    let mut putting = JoinSet::new();
    for number in 0..1_100 {
        let objects = objects.clone();
        putting.spawn(async move { objects.put(owner, format!("{number}").into()).await });
        if putting.len() >= WRITERS {
            putting.join_next().await.unwrap().unwrap().unwrap();
        }
    }
    for put in putting.join_all().await {
        put.unwrap();
    }
    let kept = objects.put(other, "kept".into()).await.unwrap();
    assert_eq!(objects.keys().count().await, 1_101);
    remove_all(objects, owner).await.unwrap();
    assert_eq!(objects.keys().count().await, 1);
    assert!(objects.exists(other, kept).await.unwrap());
    objects.remove(other, kept).await.unwrap();
    objects.remove(other, kept).await.unwrap();
    assert!(!objects.exists(other, kept).await.unwrap());

    let (body, command) = (Digest::of(b"raw"), CommandId::new());
    objects
        .put_delivery_body(body, "frame".into())
        .await
        .unwrap();
    objects.put_erasure(command, "who".into()).await.unwrap();
    assert_eq!(objects.erasures().await.unwrap(), ["who"]);
    objects.remove_delivery_bodies_until(now()).await.unwrap();
    let gone = objects.get_delivery_body(body, BYTES_MAX).await;
    // The server's clock counts whole seconds, and may be a little ahead of what was asked for.
    if gone.is_ok() {
        objects.remove_delivery_body(body).await.unwrap();
    }
    assert_eq!(objects.keys().count().await, 1);
}

async fn remove_all(objects: &Objects, owner: Owner) -> Result<(), ObjectsError> {
    for digest in objects.digests(owner).await? {
        objects.remove(owner, digest).await?;
    }
    Ok(())
}

async fn serves_the_log(objects: &Objects) {
    let tile = |count| Tile::of_count(Kind::Hashes(0), 0, count).unwrap();
    assert_eq!(objects.log_epochs().await.unwrap(), [0; 0]);
    for epoch in [10, 2] {
        objects
            .put_log_tile(epoch, tile(3), "abc".into())
            .await
            .unwrap();
        objects
            .put_log_tile(epoch, tile(3), "abc".into())
            .await
            .unwrap();
        objects
            .put_log_checkpoint(epoch, "old".into())
            .await
            .unwrap();
        objects
            .put_log_checkpoint(epoch, "new".into())
            .await
            .unwrap();
    }
    assert_eq!(objects.log_epochs().await.unwrap(), [2, 10]);
    let differs = objects.put_log_tile(2, tile(3), "abd".into()).await;
    assert!(
        matches!(differs, Err(ObjectsError::Differs { .. })),
        "{differs:?}"
    );
    let read = objects.log_file(2, LogFile::Checkpoint).await.unwrap();
    assert_eq!(read.unwrap(), "new");
    objects
        .put_log_tile(2, tile(256), "full".into())
        .await
        .unwrap();
    objects.remove_log_partials(2, tile(3)).await.unwrap();
    assert_eq!(
        objects.log_file(2, LogFile::Tile(tile(3))).await.unwrap(),
        None
    );
    let full = objects.log_file(2, LogFile::Tile(tile(256))).await.unwrap();
    assert_eq!(full.unwrap(), "full");
}

async fn is_copied(objects: &Objects, folder: &std::path::Path) {
    let copy = Objects::open_folder(&folder.join("copy")).unwrap();
    let owner = Owner::Session(SessionId::new());
    let digest = objects.put(owner, "one".into()).await.unwrap();
    let copied: Vec<_> = objects.copy_to(&copy, objects.keys()).collect().await;
    assert!(
        matches!(copied.as_slice(), [Ok(Copied::New(_))]),
        "{copied:?}"
    );
    remove_all(objects, owner).await.unwrap();
    let back: Vec<_> = copy.copy_to(objects, copy.keys()).collect().await;
    assert!(matches!(back.as_slice(), [Ok(Copied::New(_))]), "{back:?}");
    assert_eq!(objects.get(owner, digest, BYTES_MAX).await.unwrap(), "one");
}

async fn shares_its_bucket(server: &BucketServer) {
    let of = |prefix: &str| {
        let mut shared = bucket(server.endpoint(), "shared");
        shared.prefix = Some(prefix.to_owned());
        Objects::open_bucket(&shared).unwrap()
    };
    let (here, there) = (of("houses/a"), of("houses/b"));
    let owner = Owner::Session(SessionId::new());
    here.put(owner, "one".into()).await.unwrap();
    assert!(there.is_empty().await.unwrap());
    assert_eq!(here.keys().count().await, 1);
    let key = here.keys().next().await.unwrap().unwrap();
    assert!(key.starts_with("sessions/"), "{key}");
    assert_eq!(here.bytes_at(&key).await.unwrap(), "one");
}

/// Of those who write different bytes under one name, one has written, and all others are told.
async fn is_raced_for(server: &BucketServer) {
    for round in 0..8 {
        let mut racing = JoinSet::new();
        for writer in 0..WRITERS {
            let objects = Objects::open_bucket(&bucket(server.endpoint(), "raced")).unwrap();
            let tile = Tile::of_count(Kind::Hashes(0), 0, 3).unwrap();
            let bytes = Bytes::from(format!("writer {writer}"));
            racing.spawn(async move {
                let put = objects.put_log_tile(round, tile, bytes.clone()).await;
                (bytes, put)
            });
        }
        let mut won = Vec::new();
        for (bytes, put) in racing.join_all().await {
            match put {
                Ok(()) => won.push(bytes),
                Err(error) => assert!(matches!(error, ObjectsError::Differs { .. }), "{error:?}"),
            }
        }
        assert_eq!(won.len(), 1, "{won:?}");
        let objects = Objects::open_bucket(&bucket(server.endpoint(), "raced")).unwrap();
        let tile = Tile::of_count(Kind::Hashes(0), 0, 3).unwrap();
        let kept = objects.log_file(round, LogFile::Tile(tile)).await.unwrap();
        assert_eq!(kept.as_ref(), won.first());
        // The same bytes by all are nobody's loss.
        let owner = Owner::Session(SessionId::new());
        let mut putting = JoinSet::new();
        for _ in 0..WRITERS {
            let objects = objects.clone();
            putting.spawn(async move { objects.put(owner, "same".into()).await });
        }
        for put in putting.join_all().await {
            assert_eq!(put.unwrap(), Digest::of(b"same"));
        }
    }
}

/// A bucket that was made anew under the name of one that is gone is not taken for it.
async fn is_known_again(server: &BucketServer) {
    let objects = Objects::open_bucket(&bucket(server.endpoint(), "lost")).unwrap();
    let owner = Owner::Session(SessionId::new());
    let digest = objects.put(owner, "one".into()).await.unwrap();
    objects.remove_at("identity").await.unwrap();
    let anew = Objects::open_bucket(&bucket(server.endpoint(), "lost")).unwrap();
    anew.probe().await.unwrap();
    let other = Owner::Session(SessionId::new());
    for away in [
        objects.probe().await.unwrap_err(),
        objects.get(other, digest, BYTES_MAX).await.unwrap_err(),
        objects.exists(other, digest).await.unwrap_err(),
        objects.remove(owner, digest).await.unwrap_err(),
        remove_all(&objects, owner).await.unwrap_err(),
    ] {
        assert!(matches!(away, ObjectsError::Away), "{away:?}");
    }
    assert_eq!(objects.get(owner, digest, BYTES_MAX).await.unwrap(), "one");
}
