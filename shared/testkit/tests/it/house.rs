//! A house has real servers that a test can hurt.

use diesel::sql_query;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use servers::postgres::OWNER;
use testkit::house::House;
use testkit::wait;

async fn connect(url: &str) -> Result<AsyncPgConnection, String> {
    AsyncPgConnection::establish(url)
        .await
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_house_has_a_migrated_ledger_that_a_services_role_can_reach() {
    let house = House::with_postgres().await;
    let store = house.store("assay_verifier", 2);
    store.ping().await.unwrap();
    store::migrate::check(&store).await.unwrap();
}

#[tokio::test]
async fn a_house_has_the_topology_and_lets_nobody_in_without_its_password() {
    let house = House::with_nats().await;
    house.bus("testkit").await.check_topology().await.unwrap();
    async_nats::connect(house.nats().url()).await.unwrap_err();
}

#[tokio::test]
async fn both_servers_can_be_killed_and_started_again_under_their_clients() {
    let mut house = House::start().await;
    let (bus, store) = (house.bus("testkit").await, house.store("assay_auditor", 2));

    house.postgres_mut().kill().await.unwrap();
    store.ping().await.unwrap_err();
    house.postgres_mut().start_again().await.unwrap();
    wait::until("the pool has recovered", async || {
        store.ping().await.map_err(|error| error.to_string())
    })
    .await;

    house.nats_mut().kill().await.unwrap();
    house.nats_mut().start_again().await.unwrap();
    wait::until("the bus has recovered with all its streams", async || {
        bus.check_topology()
            .await
            .map_err(|error| error.to_string())
    })
    .await;
}

#[tokio::test]
async fn houses_side_by_side_do_not_see_each_other() {
    let (one, other) = tokio::join!(House::with_postgres(), House::with_postgres());
    let mut conn = connect(&one.owner_url()).await.unwrap();
    let made = sql_query("CREATE DATABASE only_here")
        .execute(&mut conn)
        .await;
    made.unwrap();

    connect(&one.postgres().url(OWNER, "only_here"))
        .await
        .unwrap();
    let refused = connect(&other.postgres().url(OWNER, "only_here")).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_house_takes_its_folder_along_even_out_of_a_panic() {
    let house = House::with_bare_nats().await;
    let folder = house.folder("objects");
    let process = house.nats().process_id();
    assert!(folder.exists());
    let panicked = tokio::spawn(async move {
        let _house = house;
        panic!("on purpose");
    });
    panicked.await.unwrap_err();
    assert!(!folder.exists());
    assert!(!std::path::Path::new(&format!("/proc/{process}")).exists());
}
