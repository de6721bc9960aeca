//! `assay doctor` beside servers that are as they must be, and beside broken ones.

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::house::House;

use crate::site::{Site, write};

/// A site whose object store is there, as it is once services ran.
async fn furnished(house: House) -> Site {
    let site = Site::furnish(house, "").await;
    std::fs::create_dir_all(site.folder().join("objects")).unwrap();
    site
}

/// The checks that came out `bad`; each finding that is no good must say what to do.
async fn bad(site: &Site, arguments: &[&str]) -> BTreeSet<String> {
    let said = site
        .assay(&[&["doctor", "--json"], arguments].concat())
        .await;
    let told: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    let checks = told["checks"].as_array().unwrap();
    assert!(checks.len() > 3, "{told}");
    let mut bad = BTreeSet::new();
    for found in checks {
        let state = found["state"].as_str().unwrap();
        let has_to_be_mended = matches!(state, "bad" | "warning");
        assert_eq!(found["mend"].is_string(), has_to_be_mended, "{found}");
        if state == "bad" {
            bad.insert(found["check"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(said.code, Some(i32::from(!bad.is_empty())), "{told}");
    assert_eq!(told["ok"], bad.is_empty(), "{told}");
    bad
}

fn set(checks: &[&str]) -> BTreeSet<String> {
    checks.iter().map(|&check| check.to_owned()).collect()
}

/// The tests' Postgres commits before it syncs, and the doctor is right to say so.
const OF_THE_TESTS: &str = "postgres.durable";

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_is_wrong_with_a_house_and_nothing_else() {
    let mut site = furnished(House::start().await).await;
    assert_eq!(bad(&site, &[]).await, set(&[OF_THE_TESTS]));
    assert_eq!(
        bad(&site, &["--service", "webhook-ingest"]).await,
        set(&[OF_THE_TESTS])
    );

    let pair = tlog::key::generate("assay.test/log").unwrap();
    write(&site.folder().join("log-verifier"), &pair.verifier);
    std::fs::remove_file(site.folder().join("webhook")).unwrap();
    std::fs::remove_dir_all(site.folder().join("objects")).unwrap();
    let wrong = ["log.keys", "objects", OF_THE_TESTS, "settings"];
    assert_eq!(bad(&site, &[]).await, set(&wrong));
    // What is wrong for others is not asked for here.
    let status = ["--service", "status-reporter"];
    assert_eq!(bad(&site, &status).await, set(&[OF_THE_TESTS]));

    site.house.nats_mut().stop().await.unwrap();
    site.house.postgres_mut().stop().await.unwrap();
    let away = ["nats.monitoring", "nats.server", "postgres.role"];
    assert_eq!(bad(&site, &status).await, set(&away));
    let said = site
        .assay(&["doctor", "--service", "status-reporter"])
        .await;
    assert!(said.out.contains("→ is the server running"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_which_command_makes_what_is_not_there() {
    let site = furnished(House::start().await).await;
    site.house.remove_stream("JOBS").await;
    let said = site.assay(&["doctor", "--service", "auditor"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("run `assay topology apply`"), "{said:?}");
    site.assay_ok(&["topology", "apply"]).await;
    assert_eq!(
        bad(&site, &["--service", "auditor"]).await,
        set(&[OF_THE_TESTS])
    );
}
