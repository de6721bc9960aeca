//! Deliveries recorded from GitHub: each gets the right answer, and none breaks the service.

use serde_json::Value;

use crate::queue::take_all;
use crate::request::Request;
use crate::world::World;

const RECORDED: &str = include_str!("../../../../shared/forge/tests/data/github-deliveries.jsonl");

struct Recorded {
    event: String,
    payload: String,
}

fn recorded() -> Vec<Recorded> {
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        Recorded {
            event: line["event"].as_str().unwrap().to_owned(),
            payload: line["payload"].to_string(),
        }
    };
    RECORDED.lines().map(read).collect()
}

#[tokio::test]
async fn every_recorded_delivery_is_answered_by_its_event() {
    let world = World::start().await;
    let mut pushes = Vec::new();
    for (number, one) in recorded().into_iter().enumerate() {
        let name = format!("recorded-{number}");
        let request = Request::new(&one.event, &name, one.payload);
        let answer = request.send(&world).await;
        let ignored = answer.json.get("ignored").is_some();
        match one.event.as_str() {
            "ping" => assert_eq!(answer.status, 200),
            "push" => {
                assert_eq!((answer.status, ignored), (202, false), "{answer:?}");
                pushes.push(request.body);
            }
            _ => assert_eq!((answer.status, ignored), (202, true), "{answer:?}"),
        }
    }
    let mut stored: Vec<_> = take_all(&world).await.iter().map(|m| m.body()).collect();
    stored.sort();
    pushes.sort();
    assert!(!pushes.is_empty() && stored == pushes);
}

#[tokio::test]
async fn a_source_that_wants_every_event_stores_every_one() {
    let mut events: Vec<_> = recorded().into_iter().map(|one| one.event).collect();
    events.sort();
    events.dedup();
    events.retain(|event| event != "ping");
    let world = World::start_with(&[("sources.github.events", events.into())]).await;
    let mut sent = 0;
    for (number, one) in recorded().into_iter().enumerate() {
        let request = Request::new(&one.event, &format!("recorded-{number}"), one.payload);
        assert!([200, 202].contains(&request.send(&world).await.status));
        sent += usize::from(one.event != "ping");
    }
    assert_eq!(take_all(&world).await.len(), sent);
}
