//! What a service refuses to start with, and in which words.

use process::settings::service::Service;
use servers::folder::DataFolder;
use servers::postgres::{Durability, PostgresSettings, PrivatePostgres};
use testkit::house::House;
use testkit::program::Plan;

use crate::site::{Site, open_folder, write};

/// Clients that a bare Postgres lets in: every service's pool.
const CONNECTIONS_MAX: u16 = 100;

/// A settings file, or a line of one, and what the refusal says of it.
const BAD: [(&str, &str); 9] = [
    ("[natz]\nurl = \"x\"", "setting natz "),
    ("[verifier]\nslot = 1", "setting verifier.slot "),
    (
        "[nats]\nurl = \"http://127.0.0.1:4222\"",
        "setting nats.url ",
    ),
    (
        "[postgres]\nurl = \"postgres://127.0.0.1/assay\"",
        "setting postgres.url ",
    ),
    ("[verifier]\nslots = 0", "setting verifier.slots "),
    ("[verifier]\nslots = 257", "setting verifier.slots "),
    ("[http]\nlisten = \"everywhere\"", "setting http.listen "),
    (
        "[nats]\nuser = \"a\"\npassword_file = \"/nowhere/password\"",
        "setting nats.password_file ",
    ),
    ("[nats\n", "assay.toml:1: "),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_setting_ends_a_program_with_64_before_it_does_anything_and_is_named() {
    let folder = open_folder();
    let config = folder.path().join("assay.toml");
    let plan = |arguments: &[&str], variables| Plan {
        program: env!("CARGO_BIN_EXE_assay").into(),
        arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
        variables,
        folder: folder.path(),
    };
    for (text, named) in BAD {
        // The file in the folder that it is started in is found without being named.
        write(&config, text);
        for service in Service::ALL {
            let said = plan(&["run", service.as_str()], vec![]).run().await;
            assert_eq!(said.code, Some(64), "{service} with {text:?}: {said:?}");
            assert!(
                said.err.contains(named),
                "{service}: {named:?} is not in {said:?}"
            );
        }
    }
    let up = plan(&["up"], vec![]).run().await;
    assert_eq!(up.code, Some(64), "{up:?}");
    assert!(!folder.path().join(".assay").exists(), "nothing was made");

    write(&config, "");
    let variable = ("ASSAY__VERIFIER__SLOTS", "many".to_owned());
    let said = plan(&["status"], vec![variable]).run().await;
    assert_eq!(said.code, Some(64), "{said:?}");
    assert!(
        said.err.contains("the variable ASSAY__VERIFIER__SLOTS"),
        "{said:?}"
    );
    let said = plan(&["--config", "none.toml", "config", "check"], vec![])
        .run()
        .await;
    assert_eq!(said.code, Some(64), "{said:?}");
    assert!(said.err.contains("none.toml"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_needs_its_own_secrets_and_not_those_of_others() {
    let mut site = Site::furnish(House::start().await, "").await;
    site.assay_ok(&["config", "check"]).await;
    for (service, file, named) in [
        (
            Service::WebhookIngest,
            "webhook",
            "setting sources.github.secrets.0.file ",
        ),
        (
            Service::AttemptWriter,
            "pseudonym",
            "setting privacy.pseudonym_key_file ",
        ),
    ] {
        let (there, away) = (site.folder().join(file), site.folder().join("away"));
        std::fs::rename(&there, &away).unwrap();
        for said in [
            site.run_to_end(service).await,
            site.assay(&["config", "check"]).await,
        ] {
            assert_eq!(said.code, Some(64), "{service} without {file}: {said:?}");
            assert!(
                said.err.contains(named),
                "{service}: {named:?} is not in {said:?}"
            );
        }
        // Whoever does not need it starts without it.
        let other = Service::SnapshotBuilder;
        site.start_one(other);
        site.until_ready(other).await;
        site.stop(other).await;
        std::fs::rename(&away, &there).unwrap();
    }
    // Without its key the auditor still gives entries their places, and says that it cannot sign.
    std::fs::remove_file(site.folder().join("log-signing")).unwrap();
    site.start_one(Service::Auditor);
    site.until_not_ready(Service::Auditor, "setting log.signing_key_file ")
        .await;
    site.stop(Service::Auditor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_refuses_servers_that_the_operator_has_not_prepared() {
    let house = House::with_bare_nats().await;
    let data = DataFolder::open(&house.folder("ledger")).unwrap();
    let bare = PostgresSettings::new(Durability::ForTests, CONNECTIONS_MAX);
    let ledger = PrivatePostgres::start(&data, bare).await.unwrap();
    let mut site = Site::furnish_with(house, &ledger.owner_url(), "").await;

    let on_the_bus = Service::ALL
        .into_iter()
        .filter(|&service| service != Service::Auditor);
    for service in on_the_bus {
        let said = site.run_to_end(service).await;
        assert_eq!(said.code, Some(1), "{service}: {said:?}");
        assert!(
            said.err.contains("assay topology apply"),
            "{service}: {said:?}"
        );
    }
    let check = site.assay(&["topology", "check"]).await;
    assert_eq!(check.code, Some(1), "{check:?}");
    let applied = site.assay_ok(&["topology", "apply"]).await;
    assert!(applied.contains("made "), "{applied}");
    site.assay_ok(&["topology", "check"]).await;

    let in_the_ledger = Service::ALL
        .into_iter()
        .filter(|service| service.role().is_some());
    for service in in_the_ledger {
        let said = site.run_to_end(service).await;
        assert_eq!(said.code, Some(1), "{service}: {said:?}");
        assert!(said.err.contains("assay migrate"), "{service}: {said:?}");
    }
    let migrated = site.assay_ok(&["migrate"]).await;
    assert!(migrated.contains("ran "), "{migrated}");

    site.start_all().await;
    for again in [&["topology", "apply"][..], &["migrate"]] {
        let said = site.assay_ok(again).await;
        assert!(said.contains("up to date"), "{again:?}: {said}");
    }
    site.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_waits_for_its_servers_is_not_ready_and_ends_well_when_told_to() {
    let nowhere = "[nats]\nurl = \"nats://127.0.0.1:1\"\n";
    let mut site = Site::furnish(House::start().await, "").await;
    let settings = std::fs::read_to_string(site.config()).unwrap();
    let (_, rest) = settings.split_once("url = ").unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    write(&site.config(), &format!("{nowhere}{rest}"));
    let on_the_bus = Service::ALL
        .into_iter()
        .filter(|&service| service != Service::Auditor);
    for service in on_the_bus {
        site.start_one(service);
        site.until_not_ready(service, "\"bus\":{\"ready\":false")
            .await;
        site.stop(service).await;
    }
}
