//! The server goes away and comes back: what was acked is there, and nobody has to be restarted.

use bus::connect::{Bus, ConnectSettings};
use bus::consume::Outcome;
use bus::error::{ConnectError, PublishError};
use testkit::wait;

use crate::world::{ACK_WAIT, World, keeper, outgoing};

#[tokio::test]
async fn a_killed_server_comes_back_with_what_it_acked_and_the_loops_go_on() {
    let mut world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    for number in 0..20 {
        world.say("a", &format!("before-{number}")).await;
    }
    world.house.nats_mut().kill().await.unwrap();
    let unanswered = world.bus.publish_raw(outgoing("a", "during")).await;
    assert!(
        matches!(unanswered, Err(PublishError::NoAnswer(_))),
        "{unanswered:?}"
    );
    let batch = ["during-1", "during-2"].map(|id| outgoing("a", id));
    let unanswered = world.bus.publish_batch(&batch).await;
    assert!(
        matches!(unanswered, Err(PublishError::NoAnswer(_))),
        "{unanswered:?}"
    );
    assert!(world.bus.ping().await.is_err());

    world.house.nats_mut().start_again().await.unwrap();
    wait::until("the bus answers", async || world.bus.ping().await).await;
    // The same id: whether the first try was stored or not, there is one.
    world.say("a", "during").await;
    let (handler, record) = keeper(|_| Outcome::Done);
    let running = world.each(consumer, handler);
    world.drained().await;
    let mut texts: Vec<_> = record.all().into_iter().map(|seen| seen.text).collect();
    texts.retain(|text| !text.starts_with("during-"));
    texts.sort();
    let mut all: Vec<_> = (0..20).map(|number| format!("before-{number}")).collect();
    all.push("during".to_owned());
    all.sort();
    assert_eq!(texts, all);

    // A loop that was pulling when the server died pulls again.
    world.house.nats_mut().kill().await.unwrap();
    world.house.nats_mut().start_again().await.unwrap();
    wait::until("the bus answers", async || world.bus.ping().await).await;
    world.say("a", "after").await;
    world.drained().await;
    assert_eq!(record.deliveries_of("after"), [1]);
    running.stop().await;
}

#[tokio::test]
async fn publishers_are_answered_in_time_however_many_wait_for_a_server_that_is_away() {
    let mut world = World::start().await;
    world.house.nats_mut().kill().await.unwrap();
    wait::until("the loss is noticed", async || {
        match world.bus.is_connected() {
            true => Err("connected".to_owned()),
            false => Ok(()),
        }
    })
    .await;
    // More than the client keeps for a server that is away.
    let publishing = (0..6_000).map(|number| {
        let bus = world.bus.clone();
        async move { bus.publish_raw(outgoing("a", &number.to_string())).await }
    });
    let answers = futures::future::join_all(publishing).await;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Err(PublishError::NoAnswer(_)))),
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_its_password() {
    let settings = ConnectSettings {
        url: "nats://127.0.0.1:1".to_owned(),
        credentials: Some(("user".to_owned(), "hidden".to_owned())),
        ..ConnectSettings::default()
    };
    let Err(refused) = Bus::connect(&settings, "tested").await else {
        panic!("connected to nobody")
    };
    assert!(matches!(refused, ConnectError::Unreachable { .. }));
    assert_eq!(refused.to_string(), "connect to NATS at nats://127.0.0.1:1");
    assert!(!format!("{refused:?}").contains("hidden"));
}
