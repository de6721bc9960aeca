//! Labs that have nothing run.

use contract::job::PreservedTree;
use objects::manifest::BlobKind::Regular;

use crate::workshop::Workshop;

const LAB: &str = "[lab]\nslug = \"unchecked\"\n[verify]\nexecutor = \"none\"\n";

#[tokio::test]
async fn what_nobody_checked_is_unchecked_and_never_a_pass() {
    let mut workshop = Workshop::furnish().await;
    let settings = workshop.settings();
    workshop.serve_as(settings.with("verifier.allow_executor_none", true).unwrap());
    let session = workshop.session(&[("lab.toml", Regular, LAB)]).await;
    let job = workshop.request(&session, PreservedTree::Unneeded).await;
    workshop.bus.publish(&job).await.unwrap();
    let row = workshop.result(&job).await;
    assert_eq!(row["result"], "unchecked");
    assert_eq!((&row["points"], &row["points_max"]), (&0.into(), &0.into()));
    assert!(
        row["snapshot_digest"].is_null() && row["cause"].is_null(),
        "{row}"
    );
    let logged = "SELECT count(*) FROM audit_entry WHERE action = 'verification-recorded' \
                  AND entry::jsonb ->> 'assay.verification.result' = 'unchecked'";
    assert_eq!(workshop.house.number(logged).await, 1);
    let made_of = "SELECT count(*) FROM verification_origin";
    assert_eq!(workshop.house.number(made_of).await, 0);
    workshop.close().await;
}

#[tokio::test]
async fn where_no_setting_allows_it_such_a_lab_is_an_error_that_says_which() {
    let workshop = &mut Workshop::open().await;
    let session = workshop.session(&[("lab.toml", Regular, LAB)]).await;
    let job = workshop.request(&session, PreservedTree::Unneeded).await;
    workshop.bus.publish(&job).await.unwrap();
    let row = workshop.result(&job).await;
    assert_eq!(
        (&row["result"], &row["cause"]),
        (&"error".into(), &"lab-broken".into())
    );
    let detail = row["detail"].as_str().unwrap();
    assert!(detail.contains("verifier.allow_executor_none"), "{detail}");
    workshop.close().await;
}
