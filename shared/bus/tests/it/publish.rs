//! Publishing: returning means stored, an id makes it once, and a batch is all or nothing.

use bus::batch::BATCH_MESSAGES_MAX;
use bus::error::PublishError;
use bus::outgoing::Outgoing;
use bytes::Bytes;
use contract::command::SessionOpenRequested;
use contract::ids::CommandId;
use contract::message::Message;

use crate::world::{QUEUE, World, outgoing};

/// A message that fills a large part of the tests' queue.
fn large(text: &str) -> Outgoing {
    let payload = Bytes::from(vec![b'x'; 400 * 1024]);
    Outgoing::raw("tested", "test.v1", "test.a".to_owned(), text, payload).unwrap()
}

#[tokio::test]
async fn a_message_is_stored_once_however_often_it_is_published() {
    let world = World::start().await;
    let asked = SessionOpenRequested {
        command: CommandId::new(),
        actor: "operator".parse().unwrap(),
        lab: "calculator".parse().unwrap(),
        repository: "github:course-1/intro-1".parse().unwrap(),
        starting: None,
    };
    let first = world.bus.publish(&asked).await.unwrap();
    assert!(!first.duplicate);
    let second = world.bus.publish(&asked).await.unwrap();
    assert!(second.duplicate);
    assert_eq!(first.sequence, second.sequence);
    assert_eq!(world.messages("COMMANDS").await, 1);

    let commands = world.raw.get_stream("COMMANDS").await.unwrap();
    let stored = commands.get_raw_message(first.sequence).await.unwrap();
    assert_eq!(stored.subject.as_str(), asked.subject());
    let header = |name: &str| stored.headers.get(name).map(|value| value.as_str());
    assert_eq!(header("ce-type"), Some(SessionOpenRequested::KIND));
    assert_eq!(header("ce-specversion"), Some("1.0"));
    assert_eq!(header("ce-source"), Some("/assay/tested"));
    assert_eq!(header("ce-id"), Some(asked.message_id().as_str()));
    assert_eq!(header("Nats-Msg-Id"), Some(asked.message_id().as_str()));
    assert!(header("ce-time").is_some_and(|time| time.ends_with('Z')));
    let read: SessionOpenRequested = serde_json::from_slice(&stored.payload).unwrap();
    assert_eq!(read, asked);
}

#[tokio::test]
async fn a_batch_is_stored_whole_and_in_order() {
    let world = World::start().await;
    world.bus.publish_batch(&[]).await.unwrap();
    let ids: Vec<String> = (0..50).map(|number| format!("m{number}")).collect();
    let batch: Vec<_> = ids.iter().map(|id| outgoing("a", id)).collect();
    world.bus.publish_batch(&batch).await.unwrap();
    assert_eq!(world.messages(QUEUE).await, 50);
    let queue = world.raw.get_stream(QUEUE).await.unwrap();
    for (sequence, id) in (1..).zip(&ids) {
        let stored = queue.get_raw_message(sequence).await.unwrap();
        assert_eq!(stored.payload, id.as_bytes());
    }

    let one = [outgoing("a", "alone")];
    world.bus.publish_batch(&one).await.unwrap();
    assert_eq!(world.messages(QUEUE).await, 51);
}

#[tokio::test]
async fn a_batch_with_a_message_that_was_stored_before_stores_nothing() {
    let world = World::start().await;
    world.say("a", "old").await;
    let batch = ["new-1", "old", "new-2"].map(|id| outgoing("a", id));
    let refused = world.bus.publish_batch(&batch).await.unwrap_err();
    assert!(
        matches!(refused, PublishError::BatchHasDuplicate),
        "{refused:?}"
    );
    assert!(!refused.is_transient());
    assert_eq!(world.messages(QUEUE).await, 1);

    let mut duplicates = Vec::new();
    for message in batch {
        let stored = world.bus.publish_raw(message).await.unwrap();
        duplicates.push(stored.duplicate);
    }
    assert_eq!(duplicates, [false, true, false]);
    assert_eq!(world.messages(QUEUE).await, 3);
}

#[tokio::test]
async fn the_largest_batch_is_taken_and_a_larger_one_is_refused_whole() {
    let world = World::start().await;
    let batch = |count: usize, name: &str| -> Vec<_> {
        let id = |number| format!("{name}{number}");
        (0..count)
            .map(|number| outgoing("a", &id(number)))
            .collect()
    };
    let too_many = batch(BATCH_MESSAGES_MAX + 1, "x");
    world.bus.publish_batch(&too_many).await.unwrap_err();
    assert_eq!(world.messages(QUEUE).await, 0);
    let most = batch(BATCH_MESSAGES_MAX, "y");
    world.bus.publish_batch(&most).await.unwrap();
    assert_eq!(world.messages(QUEUE).await, BATCH_MESSAGES_MAX as u64);
}

#[tokio::test]
async fn a_full_queue_refuses_what_is_new_and_keeps_what_it_has() {
    let world = World::start().await;
    let is_full = |error: &PublishError| matches!(error, PublishError::Full { subject } if subject == "test.a");
    world.bus.publish_raw(large("1")).await.unwrap();
    let batch = [large("2"), large("3")];
    let refused = world.bus.publish_batch(&batch).await.unwrap_err();
    assert!(is_full(&refused) && refused.is_transient(), "{refused:?}");
    assert_eq!(world.messages(QUEUE).await, 1);

    world.bus.publish_raw(large("2")).await.unwrap();
    let refused = world.bus.publish_raw(large("3")).await.unwrap_err();
    assert!(is_full(&refused) && refused.is_transient(), "{refused:?}");
    assert_eq!(world.messages(QUEUE).await, 2);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_and_one_that_nobody_stores_has_no_answer() {
    let world = World::start().await;
    let payload = Bytes::from(vec![0; 2 * 1024 * 1024]);
    let message = Outgoing::raw("tested", "test.v1", "test.a".into(), "id", payload).unwrap();
    let refused = world.bus.publish_raw(message.clone()).await.unwrap_err();
    assert!(
        matches!(refused, PublishError::TooLarge { .. }),
        "{refused:?}"
    );
    for batch in [
        [outgoing("a", "first"), message.clone()],
        [message, outgoing("a", "last")],
    ] {
        let refused = world.bus.publish_batch(&batch).await.unwrap_err();
        assert!(
            matches!(refused, PublishError::TooLarge { .. }),
            "{refused:?}"
        );
    }
    assert_eq!(world.messages(QUEUE).await, 0);

    let nowhere = Outgoing::raw("tested", "test.v1", "nobody".into(), "id", Bytes::new());
    let refused = world.bus.publish_raw(nowhere.unwrap()).await.unwrap_err();
    assert!(matches!(refused, PublishError::NoAnswer(_)), "{refused:?}");
    assert!(refused.is_transient());
}

#[tokio::test]
async fn an_id_with_a_line_break_is_an_error_and_injects_nothing() {
    let world = World::start().await;
    let id = "a\r\nNats-Rollup: all";
    let refused = Outgoing::raw("tested", "test.v1", "test.a".into(), id, Bytes::new());
    assert!(
        matches!(refused, Err(PublishError::BadHeader { ref what }) if what == "Nats-Msg-Id"),
        "{refused:?}"
    );
    let mut message = outgoing("a", "good");
    for (name, value) in [("Assay-X", "a\nb"), ("Assay-X", "a\0b"), ("Assay\nX", "a")] {
        message.set(name, value).unwrap_err();
    }
    message.set_traceparent("no\r\ntrace");
    world.bus.publish_raw(message).await.unwrap();
    let queue = world.raw.get_stream(QUEUE).await.unwrap();
    let stored = queue.get_raw_message(1).await.unwrap();
    let names: Vec<String> = stored.headers.iter().map(|(n, _)| n.to_string()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.contains("Rollup") || name.contains("Assay")),
        "{names:?}"
    );
}
