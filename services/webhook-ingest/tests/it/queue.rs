//! Owns looking at what was stored: the queue as attempt-writer would be given it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bus::batches::batches;
use bus::connect::Bus;
use bus::consume::{BatchHandler, Consumption, Outcome};
use bus::incoming::Incoming;
use bus::topology::ATTEMPT_WRITER;
use contract::delivery::{DELIVERY_HEADER, DeliveryReceived};
use process::health::Gate;
use testkit::wait;
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// A message as it was stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) subject: String,
    pub(crate) sequence: u64,
    pub(crate) message_id: String,
    pub(crate) kind: String,
    pub(crate) names: Vec<&'static str>,
    pub(crate) received: DeliveryReceived,
    pub(crate) payload: Vec<u8>,
}

/// Headers that a client could have wished to set.
const WISHED: [&str; 4] = [
    "Nats-Rollup",
    "Nats-Expected-Stream",
    "Nats-TTL",
    "X-Injected",
];

struct Reader(Arc<Mutex<Vec<Stored>>>);

impl BatchHandler for Reader {
    async fn handle(&self, batch: &[Incoming]) -> Vec<Outcome> {
        batch.iter().map(|incoming| self.keep(incoming)).collect()
    }
}

impl Reader {
    fn keep(&self, incoming: &Incoming) -> Outcome {
        let header = |name: &str| incoming.header(name).unwrap_or_default().to_owned();
        let names = WISHED.into_iter();
        let stored = Stored {
            subject: incoming.subject.clone(),
            sequence: incoming.sequence,
            message_id: header("Nats-Msg-Id"),
            kind: header("ce-type"),
            names: names
                .filter(|name| incoming.header(name).is_some())
                .collect(),
            received: serde_json::from_str(&header(DELIVERY_HEADER)).unwrap(),
            payload: incoming.payload.to_vec(),
        };
        self.0.lock().unwrap().push(stored);
        Outcome::Done
    }
}

impl Stored {
    /// The body that travelled with the message.
    pub(crate) fn body(&self) -> Vec<u8> {
        let bytes = usize::try_from(self.received.body_bytes).unwrap();
        zstd::bulk::decompress(&self.payload, bytes).unwrap()
    }
}

async fn length(bus: &Bus) -> Result<u64, String> {
    let states = bus.stream_states().await.map_err(|e| e.to_string())?;
    let deliveries = states.iter().find(|state| state.name == "DELIVERIES");
    Ok(deliveries.unwrap().messages)
}

/// How many messages are stored.
pub(crate) async fn count(world: &World) -> u64 {
    length(&world.house.bus("tests").await).await.unwrap()
}

/// How many numbers there are among them. What the bus had in a bundle, and the spool as well, has one
/// number, and takes effect once.
pub(crate) fn numbers(stored: &[Stored]) -> usize {
    let numbers = stored.iter().map(|one| &one.received);
    let numbers: BTreeSet<_> = numbers.map(|one| (one.lane, one.number)).collect();
    numbers.len()
}

/// Takes everything that is stored, in no order.
pub(crate) async fn take_all(world: &World) -> Vec<Stored> {
    let bus = world.house.bus("attempt-writer").await;
    let stored = Arc::default();
    let reader = Arc::new(Reader(Arc::clone(&stored)));
    let stop = CancellationToken::new();
    let consumption = Consumption {
        bus: bus.clone(),
        consumer: &ATTEMPT_WRITER,
        gate: Gate::new(Vec::new()),
        stop: stop.clone(),
    };
    let reading = tokio::spawn(async move { batches(consumption, 64, reader).await });
    wait::until("the queue is empty", async || match length(&bus).await? {
        0 => Ok(()),
        left => Err(format!("{left} messages")),
    })
    .await;
    stop.cancel();
    reading.await.unwrap().unwrap();
    let taken: Vec<Stored> = stored.lock().unwrap().clone();
    taken
}
