//! The whole house with every part behind TLS: servers that take nobody otherwise, and a stranger's
//! authority that recognises none of them.

use process::settings::postgres::Role;
use process::settings::service::Service;
use sample::lab::PASSING;
use testkit::authority::Authority;
use testkit::house::House;

use crate::site::{Site, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_push_goes_its_whole_way_by_tls_and_a_server_of_nobodys_is_refused() {
    let house = House::start_with_tls().await;
    let ours = house.tls().unwrap().ca_file;
    let owner_url = house.tls_url(Role::Owner.as_str(), &ours);
    let tls = format!("[nats.tls]\nca_file = \"{}\"\n", ours.display());
    let mut site = Site::furnish_with(house, &owner_url, &tls).await;
    site.start_all().await;
    let (_lab, learner) = site.publish_lab().await;
    let posted = site.push(&learner, PASSING).await;
    site.until_judged(&posted).await;
    let by_tls = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
                  WHERE a.usename LIKE 'assay\\_%' AND a.usename <> 'assay_owner' AND s.ssl";
    assert!(site.house.number(by_tls).await > 0);
    let plain = by_tls.replace("AND s.ssl", "AND NOT s.ssl");
    assert_eq!(site.house.number(&plain).await, 0, "nobody came otherwise");
    site.stop_all().await;

    // Who asks in plain text is turned away.
    let plain = owner_url.split_once('?').unwrap().0.to_owned();
    let refused = store::migrate::up(&plain).await.unwrap_err();
    assert!(
        chain(&refused).contains("no encryption"),
        "{}",
        chain(&refused)
    );

    // The same settings with another authority: neither server is who it says.
    let theirs = Authority::make(&site.folder().join("theirs"));
    let settings = std::fs::read_to_string(site.config()).unwrap();
    let (ours, theirs) = (
        ours.display().to_string(),
        theirs.file().display().to_string(),
    );
    write(&site.config(), &settings.replace(&ours, &theirs));
    let said = site.assay(&["status"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("UnknownIssuer"), "{said:?}");
    let said = site.assay(&["migrate"]).await;
    assert!(said.err.contains("UnknownIssuer"), "{said:?}");
    site.start_one(Service::Verifier);
    site.until_not_ready(Service::Verifier, "UnknownIssuer")
        .await;
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
