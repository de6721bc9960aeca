//! The log's key is changed by the command that leads through it and the settings that it names.

use std::fs;

use process::settings::service::Service;
use testkit::house::House;
use testkit::wait;

use crate::proven::python;
use crate::site::{Site, write};

/// Puts other text in the place of some in the settings.
fn set(site: &Site, was: &str, is: &str) {
    let settings = fs::read_to_string(site.config()).unwrap();
    assert_eq!(settings.matches(was).count(), 1, "{was}");
    write(&site.config(), &settings.replace(was, is));
}

async fn restarts(site: &mut Site) {
    site.stop(Service::Auditor).await;
    site.start_one(Service::Auditor);
    site.until_ready(Service::Auditor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_changed_a_step_at_a_time_and_either_key_checks_all() {
    let mut site = Site::furnish(House::start().await, "").await;
    site.start_one(Service::Auditor);
    site.record_entries(0..3).await;
    site.until_log_published(1, 3).await;
    let folder = site.folder().to_owned();
    let path = |name: &str| folder.join(name).display().to_string();
    let (signing, verifier) = (path("log-signing"), path("log-verifier"));
    let (next, public) = (path("next"), path("next.pub"));
    let rotate = ["log", "rotate-key"];
    let said = site.assay_ok(&rotate).await;
    assert!(said.contains("no change of the key is under way"), "{said}");

    let said = site.assay_ok(&[&rotate[..], &[&next]].concat()).await;
    let line = format!("next_signing_key_file = \"{next}\"");
    assert!(said.contains(&line), "{said}");
    let made = fs::read_to_string(&next).unwrap();
    assert!(!said.contains(made.trim()), "the key itself is not shown");
    let again = site.assay(&[&rotate[..], &[&next]].concat()).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert_eq!(fs::read_to_string(&next).unwrap(), made);

    let old_line = format!("signing_key_file = \"{signing}\"");
    set(&site, &old_line, &format!("{old_line}\n{line}"));
    let said = site.assay(&rotate).await;
    assert_eq!(
        said.code,
        Some(75),
        "the auditor knows nothing yet: {said:?}"
    );
    let other = path("other");
    let said = site.assay(&[&rotate[..], &[&other]].concat()).await;
    assert_eq!(said.code, Some(1), "one change at a time: {said:?}");
    restarts(&mut site).await;
    let said = wait::until("the change is made", async || {
        let said = site.assay(&rotate).await;
        match said.code {
            Some(0) => Ok(said.out),
            _ => Err(format!("{said:?}")),
        }
    })
    .await;
    let new_line = format!("log.signing_key_file = \"{next}\"");
    assert!(said.contains(&new_line) && said.contains(&public), "{said}");

    // What it says is left.
    set(
        &site,
        &format!("{old_line}\n{line}"),
        &new_line.replace("log.", ""),
    );
    let old_key = fs::read_to_string(&verifier).unwrap();
    set(&site, &verifier, &public);
    restarts(&mut site).await;
    site.record_entries(3..5).await;
    // With the leaf of the change.
    site.until_log_published(1, 6).await;
    let said = site.assay_ok(&rotate).await;
    let new_key = fs::read_to_string(&public).unwrap();
    assert!(
        said.contains("no change") && said.contains(new_key.trim()),
        "{said}"
    );
    let mirror = path("objects/log");
    for key in [old_key.trim(), new_key.trim()] {
        site.assay_ok(&["verify-log", "--ledger", "--key", key])
            .await;
        site.assay_ok(&["verify-log", "--mirror", &mirror, "--key", key])
            .await;
        assert_eq!(python(&["mirror", &mirror, "--key", key]), Some(0));
    }
    let actions = site.log_entries_are_by_the_schema().await;
    assert_eq!(actions, ["log.key"]);
    site.stop(Service::Auditor).await;
}
