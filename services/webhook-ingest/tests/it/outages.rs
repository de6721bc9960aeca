//! The bus goes away: nobody is told 2xx for what is not stored, and nobody who was told is lost.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use testkit::wait;

use crate::queue::{count, take_all};
use crate::request::Request;
use crate::world::World;

/// Sends until it is accepted.
async fn accepted(world: &World, request: &Request) {
    wait::until("it is accepted", async || {
        let answer = request.send(world).await;
        match answer.status {
            202 => Ok(()),
            _ => Err(format!("{answer:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn without_a_bus_the_answer_is_to_try_later_and_with_it_again_all_is_well() {
    let mut world = World::start().await;
    assert_eq!(Request::push("before", "1").send(&world).await.status, 202);
    world.house.nats_mut().kill().await.unwrap();
    for number in 0..3 {
        let refused = Request::push(&format!("during-{number}"), "2")
            .send(&world)
            .await;
        assert_eq!(refused.status, 503, "{refused:?}");
        assert_eq!(refused.json["error"], "unavailable");
        let seconds: u32 = refused.retry_after.unwrap().parse().unwrap();
        assert!(seconds > 0);
    }
    assert!(!world.health.report().ready);
    // Who has no secret learns nothing of it.
    let unsigned = Request::push("x", "x").without("x-hub-signature-256");
    assert_eq!(unsigned.send(&world).await.status, 401);

    world.house.nats_mut().start_again().await.unwrap();
    accepted(&world, &Request::push("after", "3")).await;
    wait::until("it is ready again", async || {
        let report = world.health.report();
        if report.ready {
            Ok(())
        } else {
            Err(format!("{report:?}"))
        }
    })
    .await;
    let stored = take_all(&world).await;
    let ids: BTreeSet<_> = stored
        .iter()
        .map(|m| m.received.forge_delivery.as_str())
        .collect();
    assert!(ids.contains("before") && ids.contains("after"), "{ids:?}");
}

/// Sends one delivery after the other until it is over; gives those that were accepted.
async fn send_on(
    client: reqwest::Client,
    url: String,
    lane: u32,
    over: &AtomicBool,
) -> Vec<String> {
    let mut accepted = Vec::new();
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("d-{lane}-{number}");
        let post = Request::push(&name, &name).post(&client, &url);
        match post.send().await.unwrap().status().as_u16() {
            202 => accepted.push(name),
            503 => {}
            other => panic!("{other}"),
        }
    }
    accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_answered_2xx_is_stored_though_the_bus_was_killed_meanwhile() {
    let mut world = World::start().await;
    let over = AtomicBool::new(false);
    let (client, url) = (world.client.clone(), world.url.clone());
    let sender = |lane| send_on(client.clone(), url.clone(), lane, &over);
    let sending = join_all((0..20).map(sender));
    let killing = async {
        for round in 1..=2 {
            wait::until("some are stored", async || match count(&world).await {
                stored if stored > 100 * round => Ok(()),
                few => Err(few.to_string()),
            })
            .await;
            world.house.nats_mut().kill().await.unwrap();
            world.house.nats_mut().start_again().await.unwrap();
        }
        accepted(&world, &Request::push("last", "last")).await;
        over.store(true, Ordering::Relaxed);
    };
    let (accepted, ()) = tokio::join!(sending, killing);
    let stored = take_all(&world).await.into_iter();
    let stored: BTreeSet<_> = stored.map(|m| m.received.forge_delivery).collect();
    let accepted: Vec<_> = accepted.into_iter().flatten().collect();
    assert!(accepted.len() > 100, "{}", accepted.len());
    let lost: Vec<_> = accepted
        .iter()
        .filter(|name| !stored.contains(*name))
        .collect();
    assert_eq!(lost, [""; 0]);
}
