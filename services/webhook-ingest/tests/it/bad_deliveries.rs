//! Bad and odd deliveries: each has broken some receiver of webhooks. Where each one's test is:
//!
//! | delivery | test |
//! |---|---|
//! | empty signature | `forges::an_empty_signature_is_refused_of_every_forge_that_signs` |
//! | same id, another hook | `the_same_id_of_another_hook_…` (two), here |
//! | same id, another body | `accepting::another_body_under_the_same_id_is_no_duplicate` |
//! | unsigned first, signed second | `an_unsigned_request_does_not_use_up_the_id_…`, here |
//! | again after 5 min, 1 h, 3 d | attempt-writer `bad_deliveries::a_redelivery_after_…` |
//! | form-encoded body | `accepting::a_form_is_stored_as_it_was_signed`, and attempt-writer's |
//! | emoji, integers over 2^53 | `no_byte_of_a_body_is_changed_…`, here |
//! | chunked over the cap | `refusing::a_chunked_body_over_the_cap_is_refused_…` |
//! | body of 24.9 MB | `accepting::a_body_near_the_cap_is_accepted_by_the_object_store` |
//! | duplicate JSON keys | `no_byte_of_a_body_is_changed_…`, here; forge `of_two_equal_keys_…` |
//! | annotated tag | attempt-writer `pushes::deletions_tags_and_new_branches_…`; forge |
//! | branch delete | attempt-writer `pushes::deletions_tags_and_new_branches_…`; forge |
//! | created and forced | forge `a_new_branch_can_be_forced_and_…` |
//! | 2,048 commits | forge `a_list_of_2048_commits_…`; attempt-writer `bad_deliveries` |
//! | zeros of 64 digits | forge `what_happened_to_the_ref_…`; attempt-writer `bad_deliveries` |
//! | a filter that throws | `an_event_that_cannot_be_judged_is_never_answered_2xx`, here |
//! | broker stopped | `outages::whoever_was_answered_2xx_is_stored_though_the_bus_was_killed_…` |
//! | queue write failing | `a_queue_that_takes_nothing_is_answered_503_and_never_4xx`, here |
//! | two replicas at once | `repeats::of_copies_that_come_at_once_to_two_processes_…` |
//! | ping, wrong signature | `a_ping_with_a_wrong_signature_is_not_answered_200`, here |
//! | secret rotated | `a_burst_signed_by_both_secrets_…`, here; `reloading` |
//! | GitLab, token and signature | `forges::a_gitlab_request_with_both_…` |

use futures::future::join_all;
use sample::dialect::Dialect;

use crate::forges;
use crate::queue::{count, take_all};
use crate::request::Request;
use crate::world::World;

#[tokio::test]
async fn the_same_id_of_another_hook_of_the_source_is_the_same_delivery() {
    let world = World::start().await;
    let of = |hook: &str| Request::push("d", "one").with("x-github-hook-id", hook);
    let first = of("1").send(&world).await;
    let second = of("2").send(&world).await;
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(second.json["delivery"], first.json["delivery"]);
    assert_eq!(second.json["duplicate"], true);
    // Both hooks are told to the ledger.
    let mut hooks: Vec<_> = take_all(&world).await.iter().map(hook).collect();
    hooks.sort();
    assert_eq!(hooks, ["1", "2"]);
}

fn hook(message: &crate::queue::Stored) -> String {
    message.received.headers["x-github-hook-id"].clone()
}

#[tokio::test]
async fn the_same_id_at_another_source_is_another_delivery() {
    let (world, _folder) = forges::world().await;
    let body = r#"{"type":"push"}"#;
    let mut ids = Vec::new();
    for dialect in Dialect::ALL {
        let request = forges::request(dialect, dialect.push_event(), "d", body);
        let answer = request.send(&world).await;
        assert_eq!(answer.json["duplicate"], false, "{dialect:?}");
        ids.push(answer.json["delivery"].to_string());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), Dialect::ALL.len());
}

#[tokio::test]
async fn an_unsigned_request_does_not_use_up_the_id_of_the_signed_one() {
    let world = World::start().await;
    let signed = Request::push("d", "one");
    for header in ["", "sha256=", "sha256=00"] {
        let unsigned = signed.clone().with("x-hub-signature-256", header);
        assert_eq!(unsigned.send(&world).await.status, 401);
    }
    let stranger = Request::push("d", "forged").signed_by(b"what nobody gave to it");
    assert_eq!(stranger.send(&world).await.status, 401);
    let answer = signed.send(&world).await;
    assert_eq!(
        (answer.status, &answer.json["duplicate"]),
        (202, &false.into())
    );
    let stored = take_all(&world).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].body(), signed.body);
}

#[tokio::test]
async fn no_byte_of_a_body_is_changed_whatever_json_would_do_to_it() {
    let world = World::start().await;
    let bodies = [
        "{\"text\": \"\u{1f389} \u{202e}é\"}",
        "{\"text\": \"\\ud83c\\udf89 \\u0000 \\/ \\u00e9\"}",
        "{\"id\": 9007199254740993, \"other\": 123456789012345678901234567890}",
        "{\"a\": 1.0, \"b\": 1e400, \"c\": -0, \"d\": 0.1000}",
        "{\"a\": 1, \"a\": 2, \"ref\": \"x\", \"ref\": \"y\"}",
        " \n{\t\"a\"  :  1 }\r\n ",
    ];
    for (number, body) in bodies.iter().enumerate() {
        let request = Request::new("push", &number.to_string(), *body);
        assert_eq!(request.send(&world).await.status, 202, "{body}");
    }
    let mut stored = take_all(&world).await;
    stored.sort_by_key(|message| message.received.number);
    let kept: Vec<_> = stored.iter().map(|message| message.body()).collect();
    assert_eq!(kept, bodies.map(|body| body.as_bytes().to_vec()));
}

#[tokio::test]
async fn an_event_that_cannot_be_judged_is_never_answered_2xx() {
    let world = World::start().await;
    let long = "x".repeat(65);
    for event in ["", "pu sh", "push,push", "p\u{fc}sh", &long] {
        let answer = Request::new("push", "d", "{}")
            .with("x-github-event", event)
            .send(&world)
            .await;
        // A comma is an event like another: nobody wants it.
        let expected = if event.contains(',') { 202 } else { 400 };
        assert_eq!(answer.status, expected, "{event:?}: {answer:?}");
        assert_eq!(answer.json.get("ignored").is_some(), expected == 202);
    }
    // Nor is a wanted event whose body cannot be read.
    for body in ["", "{", "[]", "null", "{\"a\":}", "\u{feff}{}"] {
        let answer = Request::new("push", "d", body).send(&world).await;
        assert_eq!(answer.status, 400, "{body:?}: {answer:?}");
    }
    assert_eq!(count(&world).await, 0);
}

#[tokio::test]
async fn a_queue_that_takes_nothing_is_answered_503_and_never_4xx() {
    let world = World::start().await;
    assert_eq!(Request::push("before", "1").send(&world).await.status, 202);
    world.house.bound_stream("DELIVERIES", 1).await;
    for number in 0..3 {
        let refused = Request::push(&format!("d-{number}"), "2")
            .send(&world)
            .await;
        assert_eq!(refused.status, 503, "{refused:?}");
        let seconds: u32 = refused.retry_after.unwrap().parse().unwrap();
        assert!(seconds > 0);
    }
    world.house.bound_stream("DELIVERIES", -1).await;
    assert_eq!(Request::push("d-0", "2").send(&world).await.status, 202);
    assert_eq!(count(&world).await, 2);
}

#[tokio::test]
async fn a_ping_with_a_wrong_signature_is_not_answered_200() {
    let world = World::start().await;
    let ping = Request::new("ping", "p", "{\"zen\":\"x\"}");
    for spoilt in [
        ping.clone().signed_by(b"what nobody gave to it"),
        ping.clone().with("x-hub-signature-256", "sha256="),
        ping.clone().without("x-hub-signature-256"),
    ] {
        let answer = spoilt.send(&world).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.json.get("pong").is_none());
    }
    assert_eq!(ping.send(&world).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_signed_by_both_secrets_of_a_rotation_is_accepted_whole() {
    let world = World::start().await;
    let requests: Vec<_> = (0..100)
        .map(|number| {
            let request = Request::push(&format!("d-{number}"), "one");
            // The forge changes its secret in the middle, and sends some late ones with the old.
            let is_old = number < 40 || number % 7 == 0;
            if is_old {
                request.signed_by(b"another secret of the tests")
            } else {
                request
            }
        })
        .collect();
    let answers = join_all(requests.iter().map(|request| request.send(&world))).await;
    let refused: Vec<_> = answers.iter().filter(|a| a.status != 202).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let stored = take_all(&world).await;
    let by = |name: &str| stored.iter().filter(|m| m.received.key == name).count();
    assert_eq!((by("older"), by("newer")), (49, 51));
}
