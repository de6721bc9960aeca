//! A house that answers 202 and keeps nothing: what was promised is lost, and that must be said.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use testkit::house::House;
use tokio::net::TcpListener;

use crate::program::Ran;

#[tokio::test]
async fn what_was_promised_and_is_not_there_makes_the_run_end_with_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/github", listener.local_addr().unwrap());
    let routes = Router::new().route("/hooks/github", post(async || StatusCode::ACCEPTED));
    let lying = tokio::spawn(async move { axum::serve(listener, routes).await });
    let house = House::with_postgres().await;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "a secret of nobody").unwrap();
    let (secret, ledger) = (
        secret.display().to_string(),
        house.database_url("assay_reader"),
    );
    let to = ["--url", &url, "--secret-file", &secret];
    let load = [
        "burst",
        "--count",
        "20",
        "--drain-seconds",
        "1",
        "--bad-signatures",
        "0",
    ];

    let ran = Ran::with(&[&load[..], &to, &["--ledger", &ledger]].concat()).await;
    assert_eq!(ran.said.code, Some(1), "{}{}", ran.said.out, ran.said.err);
    let report = ran.report();
    assert!(report["verdict"]["lost"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["is_good"], false);
    assert!(ran.said.out.contains("NOT GOOD"), "{}", ran.said.out);

    // Without a ledger nobody can tell, and the report says so.
    let ran = Ran::with(&[&load[..], &to].concat()).await;
    assert_eq!(ran.said.code, Some(0), "{}{}", ran.said.out, ran.said.err);
    assert!(ran.said.out.contains("NOT CHECKED"), "{}", ran.said.out);
    lying.abort();
}
