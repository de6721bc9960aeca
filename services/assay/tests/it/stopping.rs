//! A service that is told to stop finishes what it holds.

use process::settings::service::Service;
use rustix::process::Signal;
use sample::delivery::{Push, sign};
use sample::lab::{LAB as LAB_FILES, LAB_TOML, PASSING};
use sample::repository::{Change, Clock};
use testkit::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::push::LEARNER;
use crate::site::{SECRET, Site};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_under_way_is_stored_and_answered_after_the_stop_signal() {
    let mut site = Site::start().await;
    let (_lab, learner) = site.publish_lab().await;
    let before = learner.head("main").await.unwrap();
    let after = learner.commit("main", "A change", PASSING).await.unwrap();
    let push = Push {
        branch: "main",
        before: Some(&before),
        after: Some(&after),
    };
    let payload = push.payload(&learner).await.unwrap();
    let signed = sign("push", "held-back", &payload, SECRET);

    let length = format!("content-length: {}\r\n\r\n", signed.body.len());
    let head = site.request_head(&signed) + &length;
    let rest = &signed.body;
    let mut stream = TcpStream::connect(site.hooks_address()).await.unwrap();
    let half = rest.len() / 2;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&rest[..half]).await.unwrap();
    // Its connection was taken before any later one's.
    assert_eq!(
        site.client
            .get(site.hooks_url())
            .send()
            .await
            .unwrap()
            .status(),
        405
    );

    let mut ingest = site.take(Service::WebhookIngest);
    ingest.signal(Signal::TERM);
    site.until_not_ready(Service::WebhookIngest, "stopping")
        .await;
    wait::until(
        "nobody else is let in",
        async || match TcpStream::connect(site.hooks_address()).await {
            Err(_) => Ok(()),
            Ok(_) => Err("a connection was taken".to_owned()),
        },
    )
    .await;
    stream.write_all(&rest[half..]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert!(ingest.ended().await.success());

    wait::until("what was answered is in the ledger", async || {
        let attempts = "SELECT count(*) FROM lab_attempt";
        let attempts = site.house.number(attempts).await;
        (attempts == 1).then_some(()).ok_or(attempts.to_string())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_under_way_is_finished_and_recorded_after_the_stop_signal() {
    let mut site = Site::start().await;
    // Longer than a service needs to stop that holds nothing.
    let toml = LAB_TOML.replacen("sh tests/run.sh", "sleep 2; sh tests/run.sh", 1);
    let files = [
        &LAB_FILES[1..],
        &[Change::File(b"lab.toml", toml.as_bytes())],
    ]
    .concat();
    let lab = site.forge.create("labs/slow", Clock::Fixed).await.unwrap();
    lab.commit("main", "Write the lab", &files).await.unwrap();
    site.assay_ok(&["lab", "publish", &lab.clone_url()]).await;
    let learner = site.forge.create(LEARNER, Clock::Fixed).await.unwrap();
    learner.commit("main", "Begin", &files).await.unwrap();

    let posted = site.push(&learner, PASSING).await;
    wait::until("a verifier works on it", async || {
        let claims = "SELECT count(*) FROM verification_claim";
        let claims = site.house.number(claims).await;
        (claims == 1).then_some(()).ok_or(claims.to_string())
    })
    .await;
    site.stop(Service::Verifier).await;
    let rows = "SELECT result, (SELECT count(*) FROM verification_claim) AS claims \
                FROM verification_attempt";
    let rows = site.house.rows(rows).await;
    assert_eq!(
        rows,
        [r#"{"result":"pass","claims":1}"#],
        "{}",
        posted.forge_id
    );
    site.assay_ok(&["status"]).await;
}
