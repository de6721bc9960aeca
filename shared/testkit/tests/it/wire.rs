//! The wire on itself: real servers behind it, and every way to disturb what passes.

use std::time::Duration;

use bus::connect::{Bus, ConnectSettings};
use bus::outgoing::Outgoing;
use store::pool::Store;
use testkit::house::House;
use testkit::wait;
use testkit::wire::{Act, Moment, Wire};

const SUBJECT: &str = "assay.delivery.wire";

async fn to_nats(house: &House) -> (Wire, Bus) {
    let server = house.nats().url().replace("nats://", "");
    let wire = Wire::to_nats(server.parse().unwrap()).await;
    let settings = ConnectSettings {
        url: wire.url(),
        ..house.connect_settings()
    };
    let bus = Bus::connect(&settings, "wire").await.unwrap();
    (wire, bus)
}

async fn to_postgres(house: &House) -> (Wire, Store) {
    let server = house.postgres().socket_folder();
    let wire = Wire::to_postgres(&server, &house.folder("wire")).await;
    let url = wire.postgres_url("assay_reader", "assay");
    (wire, Store::open(&url, 1).unwrap())
}

fn message(id: &str) -> Outgoing {
    Outgoing::raw("wire", "kind", SUBJECT.into(), id, "body".into()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ack_of_a_publish_does_not_mean_that_nothing_was_stored() {
    let house = House::with_nats().await;
    let (wire, bus) = to_nats(&house).await;
    let sprung = wire.lay(Moment::PublishAnswered("DELIVERIES"), Act::Lose);
    bus.publish_raw(message("one")).await.unwrap_err();
    sprung.await.unwrap();
    assert!(bus.publish_raw(message("one")).await.unwrap().duplicate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_may_only_tell_and_one_that_nobody_waits_for_disturbs_nothing() {
    let house = House::with_nats().await;
    let (wire, bus) = to_nats(&house).await;
    let before = wire.work();
    let moment = Moment::Published("assay.delivery.");
    for act in [Act::Hold, Act::Lose, Act::Cut] {
        drop(wire.lay(moment, act));
    }
    let told = wire.lay(moment, Act::Pass);
    assert!(!bus.publish_raw(message("one")).await.unwrap().duplicate);
    told.await.unwrap();
    assert_eq!(wire.work() - before, 2, "a publish and its ack");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_is_cut_off_is_not_stored_and_the_next_one_is() {
    let house = House::with_nats().await;
    let (wire, bus) = to_nats(&house).await;
    let sprung = wire.lay(Moment::Published("assay.delivery."), Act::Cut);
    bus.publish_raw(message("one")).await.unwrap_err();
    sprung.await.unwrap();
    wait::until("the client is back", async || {
        let again = bus.publish_raw(message("one")).await;
        again.map_err(|error| error.to_string())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_passes_when_it_is_released_and_is_lost_when_it_is_cut() {
    let house = House::with_nats().await;
    let (wire, bus) = to_nats(&house).await;
    let sprung = wire.lay(Moment::Published("assay.delivery."), Act::Hold);
    let publishing = tokio::spawn({
        let bus = bus.clone();
        async move { bus.publish_raw(message("one")).await }
    });
    sprung.await.unwrap();
    assert!(!publishing.is_finished());
    wire.release();
    assert!(!publishing.await.unwrap().unwrap().duplicate);

    let sprung = wire.lay(Moment::Published("assay.delivery."), Act::Hold);
    let publishing = tokio::spawn({
        let bus = bus.clone();
        async move { bus.publish_raw(message("two")).await }
    });
    sprung.await.unwrap();
    wire.cut();
    wire.release();
    publishing.await.unwrap().unwrap_err();
    let direct = house.bus("direct").await;
    assert!(direct.publish_raw(message("one")).await.unwrap().duplicate);
    assert!(!direct.publish_raw(message("two")).await.unwrap().duplicate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_reply_is_cut_off_has_happened() {
    let house = House::with_postgres().await;
    let (wire, store) = to_postgres(&house).await;
    store.ping().await.unwrap();
    for (moment, stays) in [(Moment::CommitAsked, 0), (Moment::CommitAnswered, 1)] {
        let url = wire.postgres_url("assay_owner", "assay");
        let sprung = wire.lay(moment, Act::Cut);
        let statements = "BEGIN; ".to_owned() + INSERT;
        let mut psql = tokio::process::Command::new("psql");
        psql.args([&url, "--quiet", "-c", &statements, "-c", "COMMIT"]);
        let said = psql.kill_on_drop(true).output().await.unwrap();
        assert!(!said.status.success(), "{moment:?}: {said:?}");
        sprung.await.unwrap();
        let seen = house.number("SELECT count(*) FROM principal").await;
        assert_eq!(seen, stays, "{moment:?}");
    }
    wait::until("the pool has a new connection", async || {
        store.ping().await.map_err(|error| error.to_string())
    })
    .await;
}

const INSERT: &str = "INSERT INTO principal VALUES \
    ('00000000-0000-0000-0000-000000000001', 'github', 'somebody', now())";

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_wire_carries_everything() {
    let house = House::with_postgres().await;
    let (wire, store) = to_postgres(&house).await;
    wire.slow(Duration::from_millis(5));
    store.ping().await.unwrap();
    wire.slow(Duration::ZERO);
    store.ping().await.unwrap();
}
