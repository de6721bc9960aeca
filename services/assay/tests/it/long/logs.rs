//! A verification that is followed while it runs.

use sample::repository::{Change, Clock};

use crate::site::Site;

/// It prints for so long that whoever begins to follow it while it runs hears some of it.
const LAB: &str = "[lab]\nslug = \"slow\"\n[session]\nenrol = [\"github:slow/*\"]\n\
    [limits]\nwall_seconds = 60\n\
    [[step]]\nname = \"slow\"\nrun = \"for i in $(seq 1 100); do echo tick $i; sleep 0.2; done\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_is_followed_until_it_has_its_result() {
    let site = Site::start().await;
    let lab = site.forge.create("labs/slow", Clock::Fixed).await.unwrap();
    let files = [Change::File(b"lab.toml", LAB.as_bytes())];
    lab.commit("main", "Write it", &files).await.unwrap();
    site.assay_ok(&["lab", "publish", &lab.clone_url()]).await;
    let learner = site.forge.create("slow/ada", Clock::Fixed).await.unwrap();
    learner.commit_template(&lab, "main").await.unwrap();
    let posted = site.push(&learner, &[Change::File(b"a", b"b")]).await;
    let delivery = posted.receipt["delivery"].as_str().unwrap().to_owned();
    // The attempt may not be recorded yet: then there is nobody to follow.
    let said = testkit::wait::until("it is followed", async || {
        let said = site.assay(&["logs", "-f", &delivery]).await;
        if said.code == Some(0) {
            Ok(said.out)
        } else {
            Err(format!("{said:?}"))
        }
    })
    .await;
    let ticks = said.matches("tick ").count();
    assert!(ticks > 5, "{said}");
    assert!(said.contains("pass  1 of 1 points\n"), "{said}");
    assert!(said.contains("the whole log: `assay logs "), "{said}");
}
