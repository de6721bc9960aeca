//! A verifier that its own known programs surprise takes no work until they do not.

use contract::job::PreservedTree;
use objects::manifest::BlobKind::Regular;
use objects::owner::Owner;
use process::health::Health;
use testkit::wait;
use tokio_util::sync::CancellationToken;

use crate::workshop::Workshop;

const LAB: &str = "[lab]\nslug = \"a\"\n[[step]]\nname = \"step\"\nrun = \"exit 0\"\n\
    report = \"exit-code\"\npoints = 1\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_whose_boxes_break_takes_no_work_and_says_why_until_they_hold_again() {
    let workshop = Workshop::furnish().await;
    let (settings, health) = (workshop.settings(), Health::new());
    let passwd = settings.verifier.scratch_folder.join("etc/passwd");
    let (own, stop) = (health.clone(), CancellationToken::new());
    let (told, service) = (stop.clone(), settings.clone());
    let running = tokio::spawn(async move { verifier::run::run(&service, &own, told).await });
    let sandbox = async |wanted: bool| {
        wait::until("the sandbox is as it should be", async || {
            let report = health.report();
            match report.parts.get("sandbox") {
                Some(part) if part.ready == wanted => Ok(part.reason.clone()),
                part => Err(format!("{part:?}")),
            }
        })
        .await
    };
    sandbox(true).await;
    let session = workshop.session(&[("lab.toml", Regular, LAB)]).await;
    let digest = workshop
        .keep(Owner::Session(session.id), &[("a", Regular, "")])
        .await;
    let request = async || {
        let job = workshop
            .request(&session, PreservedTree::Kept { digest })
            .await;
        workshop.bus.publish(&job).await.unwrap();
        job
    };

    // Without it no box can be made.
    std::fs::remove_file(&passwd).unwrap();
    for _ in 0..3 {
        let row = workshop.result(&request().await).await;
        assert_eq!(row["cause"], "sandbox-unavailable", "{row:#}");
    }
    let reason = sandbox(false).await.unwrap();
    assert!(reason.starts_with("self-check: must pass: "), "{reason}");
    let waiting = request().await;
    let rows = "SELECT count(*) FROM verification_attempt WHERE try_number = 1";
    assert_eq!(workshop.house.number(rows).await, 3, "it takes no work");

    std::fs::write(&passwd, "learner:x:1000:1000::/work:/bin/sh\n").unwrap();
    sandbox(true).await;
    let row = workshop.result(&waiting).await;
    assert_eq!(row["result"], "pass", "{row:#}");
    stop.cancel();
    running.await.unwrap().unwrap();
}
