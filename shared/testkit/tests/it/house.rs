//! A house has real servers that a test can hurt.

use servers::postgres::OWNER;
use testkit::house::House;
use testkit::wait;

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
    one.sql("CREATE TABLE only_here (number int)").await;
    one.sql("INSERT INTO only_here VALUES (1), (2)").await;
    assert_eq!(one.number("SELECT count(*) FROM only_here").await, 2);
    let rows = one
        .rows("SELECT number FROM only_here ORDER BY number")
        .await;
    assert_eq!(rows, [r#"{"number":1}"#, r#"{"number":2}"#]);

    let refused = other.sql_as(OWNER, "SELECT * FROM only_here").await;
    assert!(refused.unwrap_err().contains("does not exist"));
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
