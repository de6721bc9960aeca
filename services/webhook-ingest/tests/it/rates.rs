//! A source's rate, and what becomes of what was refused.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::json;
use testkit::wait;

use crate::queue::take_all;
use crate::request::Request;
use crate::world::World;

async fn commands(world: &World) -> Result<u64, String> {
    let bus = world.house.bus("tests").await;
    let states = bus
        .stream_states()
        .await
        .map_err(|error| error.to_string())?;
    let commands = states.iter().find(|state| state.name == "COMMANDS");
    Ok(commands.unwrap().messages)
}

#[tokio::test]
async fn more_than_a_source_may_send_is_answered_429_and_the_forge_is_asked_what_it_could_not() {
    let rate = json!({ "per_second": 1, "burst": 3 });
    let world = World::start_with(&[("sources.github.rate", rate)]).await;
    let requests: Vec<_> = (0..40)
        .map(|number| Request::push(&format!("d-{number}"), "one"))
        .collect();
    let answers = join_all(requests.iter().map(|request| request.send(&world))).await;
    let mut accepted = BTreeSet::new();
    for (request, answer) in requests.iter().zip(&answers) {
        match answer.status {
            202 => drop(accepted.insert(request.headers[2].1.clone())),
            429 => {
                let seconds: u64 = answer.retry_after.as_ref().unwrap().parse().unwrap();
                assert!((1..60).contains(&seconds), "{answer:?}");
                assert_eq!(answer.json["error"], "too-many");
                assert_eq!(answer.json["status"], 429);
            }
            _ => panic!("{answer:?}"),
        }
    }
    assert!((1..40).contains(&accepted.len()), "{}", accepted.len());
    // Whoever has no secret takes no token, and is told nothing of the rate.
    let unsigned = Request::push("x", "x").without("x-hub-signature-256");
    for _ in 0..10 {
        assert_eq!(unsigned.send(&world).await.status, 401);
    }
    wait::until("a reconciliation is asked for", async || {
        match commands(&world).await? {
            0 => Err("not yet".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    let stored = take_all(&world).await;
    let stored: BTreeSet<_> = stored
        .into_iter()
        .map(|m| m.received.forge_delivery)
        .collect();
    assert_eq!(stored.len(), accepted.len());
}

#[tokio::test]
async fn what_was_refused_in_an_outage_is_asked_for_when_it_is_over() {
    let mut world = World::start().await;
    world.house.nats_mut().kill().await.unwrap();
    let refused = Request::push("during", "one").send(&world).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    // What is refused for its sender's fault is nothing to ask for.
    let unsigned = Request::push("x", "x").without("x-hub-signature-256");
    assert_eq!(unsigned.send(&world).await.status, 401);
    world.house.nats_mut().start_again().await.unwrap();
    wait::until("a reconciliation is asked for", async || {
        match commands(&world).await? {
            0 => Err("not yet".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
}
