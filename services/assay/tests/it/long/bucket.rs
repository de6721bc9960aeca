//! The whole house on a bucket of a real server instead of a folder.

use std::path::Path;
use std::time::Duration;

use contract::digest::Digest;
use contract::ids::SessionId;
use futures::StreamExt as _;
use objects::owner::Owner;
use objects::s3::Bucket;
use objects::store::Objects;
use process::settings::service::Service;
use reqwest::StatusCode;
use sample::lab::{FAILING, PASSING};
use serde_json::Value;
use testkit::bucket::{ACCESS_KEY, BucketServer, SECRET_KEY};
use testkit::house::House;
use testkit::wait;

use crate::site::{Site, open_folder, write};

const NAME: &str = "assay";

/// A site whose objects lie in a bucket; `scratch` is a folder of its own.
pub(super) async fn furnish(server: &BucketServer, scratch: &Path) -> Site {
    let secret = scratch.join("bucket-secret");
    write(&secret, SECRET_KEY);
    let more = format!(
        "[objects.s3]\nendpoint = {:?}\nbucket = {NAME:?}\naccess_key = {ACCESS_KEY:?}\n\
         secret_key_file = {secret:?}\nanswer_seconds_max = 5\n",
        server.endpoint()
    );
    Site::furnish(House::start().await, &more).await
}

pub(super) fn open(server: &BucketServer) -> Objects {
    let bucket = Bucket {
        endpoint: server.endpoint(),
        name: NAME.to_owned(),
        region: "us-east-1".to_owned(),
        prefix: None,
        path_style: true,
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        ca_file: None,
        answer_max: Duration::from_secs(60),
        retries_max: 3,
    };
    Objects::open_bucket(&bucket).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_on_a_bucket_judges_proves_erases_and_outlives_the_buckets_server() {
    let scratch = open_folder();
    let mut server = BucketServer::start(&scratch.path().join("weed")).await;
    let mut site = furnish(&server, scratch.path()).await;
    site.start_all().await;
    let (_lab, learner) = site.publish_lab().await;
    let first = site.push(&learner, PASSING).await;
    let seen = site.until_judged(&first).await;
    assert_eq!(seen["verifications"][0]["result"], "pass", "{seen}");
    let printed = site.assay_ok(&["logs", &first.forge_id]).await;
    assert!(!printed.is_empty());
    // Nothing of it lies in a folder.
    assert!(!site.folder().join("objects/labs").exists());
    doctor_finds_it_good(&site).await;

    let second = without_its_server(&mut site, &mut server, &learner).await;
    let seen = site.until_judged(&second).await;
    assert_eq!(seen["verifications"][0]["result"], "fail", "{seen}");

    is_served_and_proven(&site, &server, scratch.path()).await;
    is_kept_in_a_backup(&site, scratch.path()).await;
    is_erased(&site, &open(&server), &seen).await;
    site.misses_nothing(0).await;
    site.stop_all().await;
    let log = site.assay_ok(&["verify-log", "--ledger"]).await;
    assert!(log.contains("0 entries waiting"), "{log}");
    nothing_tells_the_secret(&site);
}

async fn doctor_finds_it_good(site: &Site) {
    let said = site.assay(&["doctor", "--json"]).await;
    let found: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    assert!(said.out.contains("takes objects"), "{found}");
}

/// A push is accepted while the bucket is away; whoever needs it waits, and says so.
async fn without_its_server(
    site: &mut Site,
    server: &mut BucketServer,
    learner: &sample::repository::Repository,
) -> crate::push::Posted {
    server.kill();
    for service in [
        Service::AttemptWriter,
        Service::SnapshotBuilder,
        Service::Verifier,
    ] {
        site.until_not_ready(service, "objects").await;
    }
    let posted = site.push(learner, FAILING).await;
    assert_eq!(posted.status, StatusCode::ACCEPTED, "{}", posted.receipt);
    server.start_again().await;
    for service in [
        Service::AttemptWriter,
        Service::SnapshotBuilder,
        Service::Verifier,
    ] {
        site.until_ready(service).await;
    }
    posted
}

async fn is_served_and_proven(site: &Site, server: &BucketServer, folder: &Path) {
    let url = format!("{}/1/checkpoint", site.log_url());
    let note = wait::until("the log is served", async || {
        let answer = site.client.get(&url).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        match answer.status() {
            StatusCode::OK => answer.text().await.map_err(|error| error.to_string()),
            other => Err(other.to_string()),
        }
    })
    .await;
    assert!(note.starts_with("assay.test/log"), "{note}");
    let mirror = folder.join("mirror");
    let copy = Objects::open_folder(&mirror).unwrap();
    let objects = open(server);
    let of_log = |key: &Result<String, _>| {
        let wanted = key.as_ref().is_ok_and(|key| key.starts_with("log/"));
        std::future::ready(wanted)
    };
    let path = mirror.join("log").display().to_string();
    let key = std::fs::read_to_string(site.folder().join("log-verifier")).unwrap();
    wait::until("a mirror of the bucket is a log", async || {
        std::fs::remove_file(mirror.join("log/1/checkpoint")).ok();
        let keys = objects.keys().filter(of_log).boxed();
        let copied: Vec<_> = objects.copy_to(&copy, keys).collect().await;
        let check = ["verify-log", "--mirror", &path, "--key", key.trim()];
        let said = site.assay(&check).await;
        let sound = said.code == Some(0) && copied.iter().all(Result::is_ok);
        sound.then_some(()).ok_or(format!("{said:?} {copied:?}"))
    })
    .await;
}

async fn is_kept_in_a_backup(site: &Site, folder: &Path) {
    let (to, keys) = (folder.join("backups"), folder.join("keys"));
    let (to, keys) = (to.display().to_string(), keys.display().to_string());
    site.assay_ok(&["backup", "--to", &to, "--keys-to", &keys])
        .await;
    site.assay_ok(&["backup", "check", &to]).await;
}

async fn is_erased(site: &Site, objects: &Objects, seen: &Value) {
    let session = "SELECT id::text AS id FROM lab_session";
    let rows = site.house.rows(session).await;
    let row: Value = serde_json::from_str(&rows[0]).unwrap();
    let session: SessionId = row["id"].as_str().unwrap().parse().unwrap();
    let prefix = format!("sessions/{session}/");
    let of_session = async || {
        let keys: Vec<_> = objects.keys().collect().await;
        let keys = keys.into_iter().map(Result::unwrap);
        keys.filter(|key| key.starts_with(&prefix))
            .collect::<Vec<_>>()
    };
    assert!(!of_session().await.is_empty());
    let erase = [
        "privacy",
        "erase",
        "github:example-learner",
        "--reason",
        "asked for",
    ];
    site.assay_ok(&erase).await;
    wait::until("the person's objects are gone", async || {
        let left = of_session().await;
        left.is_empty().then_some(()).ok_or(format!("{left:?}"))
    })
    .await;
    let none = objects
        .exists(Owner::Session(session), Digest::of(b""))
        .await;
    assert!(!none.unwrap(), "{seen}");
    assert_eq!(objects.erasures().await.unwrap().len(), 1);
}

fn nothing_tells_the_secret(site: &Site) {
    for service in Service::ALL {
        let log = std::fs::read_to_string(site.folder().join(format!("{service}.log"))).unwrap();
        assert!(
            !log.contains(SECRET_KEY),
            "the log of {service} has the bucket's secret"
        );
    }
}
