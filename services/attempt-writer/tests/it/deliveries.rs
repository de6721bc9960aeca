//! Owns deliveries as webhook-ingest publishes them, and the pushes in them.

use std::collections::BTreeMap;

use bus::outgoing::Outgoing;
use contract::delivery::{BodyPlace, DELIVERY_HEADER, DELIVERY_RECEIVED, DeliveryReceived};
use contract::digest::Digest;
use contract::ids::DeliveryId;
use contract::time::now;
use serde_json::{Value, json};

use crate::world::World;

/// A push of these commits, the head last; commits and refs are named by numbers.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    pub(crate) repository: String,
    pub(crate) full_ref: String,
    pub(crate) before: u32,
    pub(crate) listed: Vec<u32>,
    pub(crate) head: u32,
}

/// A commit's SHA, by a number that is not 0; 0 is no commit.
pub(crate) fn sha(number: u32) -> String {
    format!("{number:040x}")
}

impl Push {
    /// A push to `main` on top of `before`.
    pub(crate) fn new(repository: &str, before: u32, listed: &[u32]) -> Self {
        Self {
            repository: repository.to_owned(),
            full_ref: "refs/heads/main".to_owned(),
            before,
            listed: listed.to_vec(),
            head: listed.last().copied().unwrap_or_default(),
        }
    }

    pub(crate) fn payload(&self) -> Value {
        let commit = |number: &u32| {
            json!({
                "id": sha(*number),
                "author": { "name": "A Learner", "email": format!("{}@example.org", number % 7) },
                "timestamp": "2026-01-05T09:00:00+01:00",
                "added": [format!("file-{number}")], "modified": [], "removed": [],
            })
        };
        json!({
            "ref": self.full_ref,
            "before": sha(self.before),
            "after": sha(self.head),
            "deleted": self.head == 0,
            "created": self.before == 0,
            "forced": false,
            "repository": { "full_name": self.repository },
            "commits": self.listed.iter().map(commit).collect::<Vec<_>>(),
            "head_commit": (self.head != 0).then(|| commit(&self.head)),
            "sender": { "id": 583_231, "login": "example-learner" },
            "pusher": { "name": "example-learner", "email": "learner@example.org" },
        })
    }
}

/// A delivery of the source `github` as its message has it.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) received: DeliveryReceived,
    pub(crate) body: Vec<u8>,
}

impl Delivery {
    pub(crate) fn new(world: &World, forge_delivery: &str, payload: &Value) -> Self {
        Self::of_body(world, forge_delivery, "push", payload.to_string())
    }

    pub(crate) fn of_body(
        world: &World,
        forge_delivery: &str,
        event: &str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        let body = body.into();
        let headers = BTreeMap::from([
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-github-delivery".to_owned(), forge_delivery.to_owned()),
            ("x-github-event".to_owned(), event.to_owned()),
        ]);
        let received = DeliveryReceived {
            delivery: DeliveryId::compute("github", forge_delivery),
            source: "github".parse().unwrap(),
            forge_delivery: forge_delivery.to_owned(),
            event: event.to_owned(),
            body_digest: Digest::of(&body),
            body_bytes: body.len() as u64,
            body: BodyPlace::Inline,
            headers,
            key: "main".to_owned(),
            received_at: now(),
            lane: world.lane,
            number: world.next_number(),
        };
        Self { received, body }
    }

    /// The same delivery as the forge sends it again: another message.
    pub(crate) fn sent_again(&self, world: &World) -> Self {
        let mut again = self.clone();
        again.received.number = world.next_number();
        again.received.received_at = now();
        again
    }

    pub(crate) fn id(&self) -> DeliveryId {
        self.received.delivery
    }

    /// The message under an id of its own, so that nothing but the ledger can tell it is the same.
    pub(crate) fn message(&self) -> Outgoing {
        let frame = zstd::bulk::compress(&self.body, 1).unwrap();
        let payload = match self.received.body {
            BodyPlace::Inline => frame,
            BodyPlace::Object | BodyPlace::Ledger => Vec::new(),
        };
        let id = uuid::Uuid::now_v7().to_string();
        let subject = self.received.subject();
        let message = Outgoing::raw(
            "webhook-ingest",
            DELIVERY_RECEIVED,
            subject,
            &id,
            payload.into(),
        );
        let mut message = message.unwrap();
        let header = serde_json::to_string(&self.received).unwrap();
        message.set(DELIVERY_HEADER, &header).unwrap();
        message
    }
}
