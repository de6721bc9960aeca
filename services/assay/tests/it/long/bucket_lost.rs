//! A house is lost with the bucket that its objects lay in, and restored into an empty one.

use futures::StreamExt as _;
use sample::lab::{FAILING, PASSING};
use testkit::bucket::BucketServer;
use witness::account::Account;

use crate::kept::{Kept, refused};
use crate::long::bucket::{furnish, open};
use crate::site::{Site, open_folder, write};

/// Everything that lies in a server's bucket, but for the log: it goes on in another epoch.
async fn kept_in(server: &BucketServer) -> Vec<String> {
    let keys = open(server).keys().map(Result::unwrap).collect::<Vec<_>>();
    let mut keys = keys.await;
    keys.retain(|key| !key.starts_with("log/"));
    keys.sort();
    keys
}

/// Names another server in the site's settings.
fn move_to(site: &Site, from: &BucketServer, to: &BucketServer) {
    let settings = std::fs::read_to_string(site.config()).unwrap();
    assert!(settings.contains(&from.endpoint()), "{settings}");
    write(
        &site.config(),
        &settings.replace(&from.endpoint(), &to.endpoint()),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_that_is_lost_with_its_bucket_comes_back_in_an_empty_one() {
    let scratch = open_folder();
    let lost = BucketServer::start(&scratch.path().join("weed")).await;
    let mut site = furnish(&lost, scratch.path()).await;
    site.start_all().await;
    let (_lab, learner) = site.publish_lab().await;
    let account = Account::begin(&site.folder().join("sent.jsonl"));
    let first = site.push(&learner, PASSING).await;
    first.note(&account, "pass");
    site.until_judged(&first).await;
    let kept = Kept::of(&site).await;
    let there = kept_in(&lost).await;
    assert!(!there.is_empty());
    site.stop_all().await;
    site.house.lose_database().await;

    // A bucket that has objects may be somebody else's.
    let said = kept.restore(&site, &[]).await;
    refused(said, &["is not empty", &lost.endpoint()]).await;
    let empty = BucketServer::start(&scratch.path().join("weed-2")).await;
    // Buckets are made by the operator; this server makes one of whatever is put into it.
    open(&empty).probe().await.unwrap();
    move_to(&site, &lost, &empty);
    drop(lost);
    let said = kept.restore(&site, &[]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let restored = kept_in(&empty).await;
    for key in &there {
        assert!(
            restored.contains(key),
            "{key} was not put back: {restored:?}"
        );
    }

    site.start_all().await;
    let printed = site.assay_ok(&["logs", &first.forge_id]).await;
    assert!(!printed.is_empty());
    // The lab's own files come out of the bucket, and the learner's go into it.
    let second = site.push(&learner, FAILING).await;
    second.note(&account, "fail");
    let seen = site.until_judged(&second).await;
    assert_eq!(seen["verifications"][0]["result"], "fail", "{seen}");
    site.misses_nothing(0).await;
    site.stop_all().await;
    let log = site.assay_ok(&["verify-log", "--ledger"]).await;
    assert!(log.contains("0 entries waiting"), "{log}");
    site.the_checker_agrees(&account).await;
}
