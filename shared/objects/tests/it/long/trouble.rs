//! A bucket whose server is away, refuses, is silent or knows us not: it is said, within a bound,
//! and nothing that is there is taken for missing.

use std::time::Duration;

use bytes::Bytes;
use contract::ids::SessionId;
use objects::owner::Owner;
use objects::store::{Objects, ObjectsError};
use rustix::process::Signal;
use testkit::bucket::BucketServer;
use testkit::moody::{Mood, Moody};

use crate::BYTES_MAX;
use crate::long::bucket::bucket;

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_in_trouble_says_so_and_takes_objects_again_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = BucketServer::start(folder.path()).await;
    let proxy = Moody::before(server.address()).await;
    let mut reached = bucket(proxy.endpoint(), "troubled");
    reached.answer_max = Duration::from_secs(2);
    reached.retries_max = 1;
    let objects = Objects::open_bucket(&reached).unwrap();
    let owner = Owner::Session(SessionId::new());
    let bytes = Bytes::from(vec![9; 512 * 1024]);
    // It may be slow to begin with.
    let kept = testkit::wait::until("the first object is kept", async || {
        let put = objects.put(owner, bytes.clone()).await;
        put.map_err(|error| format!("{error:?}"))
    })
    .await;

    for mood in [Mood::Refuses, Mood::Silent] {
        proxy.becomes(mood);
        is_away(&objects, owner, kept).await;
        proxy.becomes(Mood::Carries);
        is_back(&objects, owner, &format!("after {mood:?}")).await;
    }
    // The answer begins well, and does not end.
    proxy.becomes(Mood::Stalls(64 * 1024));
    let half = objects.get(owner, kept, u64::MAX).await.unwrap_err();
    assert!(matches!(half, ObjectsError::Store { .. }), "{half:?}");
    proxy.becomes(Mood::Carries);
    is_back(&objects, owner, "after it stalled").await;

    server.signal(Signal::STOP);
    is_away(&objects, owner, kept).await;
    server.signal(Signal::CONT);
    is_back(&objects, owner, "after it was held").await;

    server.kill();
    is_away(&objects, owner, kept).await;
    server.start_again().await;
    is_back(&objects, owner, "after its death").await;
    assert_eq!(objects.get(owner, kept, u64::MAX).await.unwrap(), bytes);

    stranger(&server).await;
}

async fn is_away(objects: &Objects, owner: Owner, kept: contract::digest::Digest) {
    for refused in [
        objects.get(owner, kept, u64::MAX).await.unwrap_err(),
        objects.exists(owner, kept).await.unwrap_err(),
        objects.put(owner, "new".into()).await.unwrap_err(),
        objects.probe().await.unwrap_err(),
    ] {
        assert!(matches!(refused, ObjectsError::Store { .. }), "{refused:?}");
        assert!(refused.is_transient());
        says_nothing_secret(&refused);
    }
}

async fn is_back(objects: &Objects, owner: Owner, text: &str) {
    let digest = testkit::wait::until("the bucket takes objects again", async || {
        let put = objects.put(owner, text.to_owned().into()).await;
        put.map_err(|error| format!("{error:?}"))
    })
    .await;
    let read = testkit::wait::until("the bucket gives objects again", async || {
        let got = objects.get(owner, digest, BYTES_MAX).await;
        got.map_err(|error| format!("{error:?}"))
    })
    .await;
    assert_eq!(read, text);
}

/// Who has no key, or another secret, is refused, and told apart from what is missing.
async fn stranger(server: &BucketServer) {
    let mut wrong = bucket(server.endpoint(), "troubled");
    wrong.secret_key = "another secret".to_owned();
    let mut unknown = bucket(server.endpoint(), "troubled");
    unknown.access_key = "nobody".to_owned();
    for bucket in [wrong, unknown] {
        let objects = Objects::open_bucket(&bucket).unwrap();
        let refused = objects.probe().await.unwrap_err();
        assert!(matches!(refused, ObjectsError::Store { .. }), "{refused:?}");
        says_nothing_secret(&refused);
    }
}

fn says_nothing_secret(error: &ObjectsError) {
    let shown = format!("{error} {error:?}");
    for secret in [testkit::bucket::SECRET_KEY, "another secret", "Signature="] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
