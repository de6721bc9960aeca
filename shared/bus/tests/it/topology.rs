//! The topology as data: applied by the operator, checked by services, refused when it differs.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::stream::{self, StorageType};
use bus::error::TopologyError;
use bus::topology::{CONSUMERS, STREAMS};
use testkit::house::House;

use crate::world::raw;

type ChangeStream = fn(&mut stream::Config);
type ChangeConsumer = fn(&mut pull::Config);

async fn change_stream(raw: &Context, name: &str, change: ChangeStream) {
    let stream = raw.get_stream(name).await.unwrap();
    let mut config = stream.cached_info().config.clone();
    change(&mut config);
    raw.update_stream(config).await.unwrap();
}

async fn change_consumer(raw: &Context, stream: &str, name: &str, change: ChangeConsumer) {
    let consumer: PullConsumer = raw.get_consumer_from_stream(name, stream).await.unwrap();
    let found = consumer.cached_info().config.clone();
    let mut config = pull::Config {
        durable_name: found.durable_name,
        filter_subject: found.filter_subject,
        ack_wait: found.ack_wait,
        max_deliver: found.max_deliver,
        max_ack_pending: found.max_ack_pending,
        max_waiting: found.max_waiting,
        ..pull::Config::default()
    };
    change(&mut config);
    let stream = raw.get_stream(stream).await.unwrap();
    stream.create_consumer(config).await.unwrap();
}

/// The thing and the option that the check names.
fn named(checked: Result<(), TopologyError>) -> (String, &'static str) {
    match checked {
        Err(TopologyError::Differs { what, option, .. }) => (what, option),
        other => panic!("no difference was named: {other:?}"),
    }
}

#[tokio::test]
async fn a_topology_is_made_once_and_then_left_alone() {
    let house = House::with_bare_nats().await;
    let bus = house.bus("tested").await;
    let applied = bus.apply_topology(1).await.unwrap();
    assert_eq!(applied.created.len(), STREAMS.len() + CONSUMERS.len());
    assert_eq!(applied.updated, [""; 0]);
    bus.check_topology().await.unwrap();

    let again = bus.apply_topology(1).await.unwrap();
    assert_eq!((again.created.len(), again.updated.len()), (0, 0));
}

#[tokio::test]
async fn a_service_is_told_which_stream_or_consumer_is_missing_and_what_to_do() {
    let house = House::with_bare_nats().await;
    let bus = house.bus("tested").await;
    let missing = bus.check_topology().await.unwrap_err();
    assert!(
        matches!(&missing, TopologyError::Missing { what } if what == "the stream DELIVERIES"),
        "{missing:?}"
    );
    assert!(!missing.is_transient());
    assert!(missing.to_string().contains("assay topology apply"));

    bus.apply_topology(1).await.unwrap();
    let raw = raw(&house).await;
    raw.delete_consumer_from_stream("verifier-bulk", "JOBS")
        .await
        .unwrap();
    let missing = bus.check_topology().await.unwrap_err();
    assert!(
        matches!(&missing, TopologyError::Missing { what }
            if what == "the consumer verifier-bulk of JOBS"),
        "{missing:?}"
    );

    let applied = bus.apply_topology(1).await.unwrap();
    assert_eq!(applied.created, ["the consumer verifier-bulk of JOBS"]);
    bus.check_topology().await.unwrap();
}

#[tokio::test]
async fn a_changed_option_of_a_stream_is_named_and_brought_back() {
    let house = House::with_nats().await;
    let (bus, raw) = (house.bus("tested").await, raw(&house).await);
    let changes: [(&str, &str, ChangeStream); 7] = [
        ("DELIVERIES", "max_bytes", |c| c.max_bytes /= 2),
        ("DELIVERIES", "max_age", |c| {
            c.max_age = Duration::from_secs(3_600);
        }),
        ("DELIVERIES", "duplicate_window", |c| {
            c.duplicate_window = Duration::from_secs(60);
        }),
        ("DELIVERIES", "allow_atomic_publish", |c| {
            c.allow_atomic_publish = false;
        }),
        ("JOBS", "max_messages", |c| c.max_messages = 10),
        ("JOBS", "subjects", |c| {
            c.subjects.push("assay.job.extra.*".to_owned());
        }),
        ("DEAD", "max_age", |c| {
            c.max_age = Duration::from_secs(3_600)
        }),
    ];
    for (name, option, change) in changes {
        change_stream(&raw, name, change).await;
        let told = named(bus.check_topology().await);
        assert_eq!(told, (format!("the stream {name}"), option));
        let applied = bus.apply_topology(1).await.unwrap();
        assert_eq!(applied.updated, [name], "{option}");
        bus.check_topology().await.unwrap();
    }
}

#[tokio::test]
async fn a_changed_option_of_a_consumer_is_named_and_brought_back() {
    let house = House::with_nats().await;
    let (bus, raw) = (house.bus("tested").await, raw(&house).await);
    let changes: [(&str, ChangeConsumer); 4] = [
        ("ack_wait", |c| c.ack_wait = Duration::from_secs(5)),
        ("max_deliver", |c| c.max_deliver = 5),
        ("max_ack_pending", |c| c.max_ack_pending = 1),
        ("filter_subject", |c| {
            c.filter_subject = "assay.job.verify.none".to_owned();
        }),
    ];
    for (option, change) in changes {
        change_consumer(&raw, "JOBS", "verifier-live", change).await;
        let what = "the consumer verifier-live of JOBS".to_owned();
        assert_eq!(
            named(bus.check_topology().await),
            (what.clone(), option),
            "{option}"
        );
        let applied = bus.apply_topology(1).await.unwrap();
        assert_eq!(applied.updated, [what], "{option}");
        bus.check_topology().await.unwrap();
    }
}

#[tokio::test]
async fn what_the_server_will_not_change_is_said_and_nothing_is_deleted_for_it() {
    let house = House::with_bare_nats().await;
    let (bus, raw) = (house.bus("tested").await, raw(&house).await);
    raw.create_stream(stream::Config {
        name: "DELIVERIES".to_owned(),
        subjects: vec!["assay.delivery.*".to_owned()],
        storage: StorageType::Memory,
        ..stream::Config::default()
    })
    .await
    .unwrap();
    let subject = "assay.delivery.github";
    raw.publish(subject, "kept".into())
        .await
        .unwrap()
        .await
        .unwrap();

    let refused = bus.apply_topology(1).await.unwrap_err();
    assert!(
        matches!(&refused, TopologyError::Server { what, .. } if what == "the stream DELIVERIES"),
        "{refused:?}"
    );
    let stream = raw.get_stream("DELIVERIES").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 1);
}
