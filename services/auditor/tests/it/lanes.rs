//! Owns what stands in for the ingest and for the writer in these tests: messages as the one
//! publishes them, rows as the other writes them, and a writer that forgets some.

use std::collections::BTreeSet;
use std::sync::Arc;

use bus::connect::Bus;
use bus::consume::{Consumption, Handler, Outcome, each};
use bus::incoming::Incoming;
use bus::outgoing::Outgoing;
use bus::topology::ATTEMPT_WRITER;
use contract::delivery::{BodyPlace, DELIVERY_HEADER, DELIVERY_RECEIVED, DeliveryReceived};
use contract::digest::Digest;
use contract::ids::{DeliveryId, LaneId};
use contract::lane::{LaneManifest, Numbers};
use contract::time::now;
use process::health::Gate;
use store::delivery::ReceiptRow;
use store::lane::{LaneMessageRow, TAKEN};
use store::pool::Store;
use testkit::wait;
use tokio_util::sync::CancellationToken;

use crate::ground::Ground;

/// An ingest's lane.
pub(crate) struct Lane {
    pub(crate) id: LaneId,
    bus: Bus,
    given: u64,
    told: u64,
    deliveries: Vec<DeliveryId>,
    void: Vec<Numbers>,
    sequences: Option<Numbers>,
}

impl Lane {
    pub(crate) async fn open(ground: &Ground) -> Self {
        Self {
            id: LaneId::new(),
            bus: ground.house.bus("webhook-ingest").await,
            given: 0,
            told: 0,
            deliveries: Vec::new(),
            void: Vec::new(),
            sequences: None,
        }
    }

    /// Accepts a delivery: it is stored under the next number.
    pub(crate) async fn accept(&mut self) -> DeliveryId {
        let (delivery, message) = self.next();
        self.publish(message).await;
        delivery
    }

    /// Accepts deliveries at one time: they are stored as one message.
    pub(crate) async fn accept_together<const N: usize>(&mut self) -> [DeliveryId; N] {
        let all = [(); N].map(|()| self.next());
        let messages: Vec<&Outgoing> = all.iter().map(|(_, message)| message).collect();
        let bundle = Outgoing::bundle("webhook-ingest", &messages).unwrap();
        self.publish(bundle).await;
        all.map(|(delivery, _)| delivery)
    }

    async fn publish(&mut self, message: Outgoing) {
        let place = self.bus.publish_raw(message).await.unwrap().sequence;
        let first = self.sequences.map_or(place, |sequences| sequences.first);
        self.sequences = Some(Numbers { first, last: place });
    }

    /// A delivery under the next number.
    fn next(&mut self) -> (DeliveryId, Outgoing) {
        self.given += 1;
        let name = format!("{}/{}", self.id, self.given);
        let received = DeliveryReceived {
            delivery: DeliveryId::compute("github", &name),
            source: "github".parse().unwrap(),
            forge_delivery: name,
            event: "push".into(),
            body_digest: Digest::of(b"{}"),
            body_bytes: 2,
            body: BodyPlace::Inline,
            headers: [].into(),
            key: "first".into(),
            received_at: now(),
            lane: self.id,
            number: self.given,
        };
        let (subject, id) = (received.subject(), received.message_id());
        let payload = vec![b'x'; 500].into();
        let message = Outgoing::raw("webhook-ingest", DELIVERY_RECEIVED, subject, &id, payload);
        let mut message = message.unwrap();
        let header = serde_json::to_string(&received).unwrap();
        message.set(DELIVERY_HEADER, &header).unwrap();
        self.deliveries.push(received.delivery);
        (received.delivery, message)
    }

    /// Gives a number under which nothing is promised.
    pub(crate) fn refuse(&mut self) {
        self.given += 1;
        Numbers::add(&mut self.void, self.given);
    }

    /// Tells of all that was given since it told last.
    pub(crate) async fn tell(&mut self, closing: bool) {
        let manifest = LaneManifest {
            lane: self.id,
            from: self.told,
            through: self.given,
            given: self.given,
            void: std::mem::take(&mut self.void),
            spooled: Vec::new(),
            deliveries: std::mem::take(&mut self.deliveries),
            sources: vec!["github".parse().unwrap()],
            sequences: self.sequences.take(),
            spool_records: 0,
            closing,
            at: now(),
        };
        self.bus.publish(&manifest).await.unwrap();
        self.told = self.given;
    }
}

/// A writer.
pub(crate) struct Writer {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// Records every delivery but some, which it acks away, or gives up.
struct Recording {
    store: Store,
    forgotten: BTreeSet<DeliveryId>,
    given_up: BTreeSet<DeliveryId>,
}

impl Handler for Recording {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let received = incoming.header(DELIVERY_HEADER).unwrap_or_default();
        let received: DeliveryReceived = serde_json::from_str(received).unwrap();
        if self.given_up.contains(&received.delivery) {
            return Outcome::Never("for the test's sake".to_owned());
        }
        if !self.forgotten.contains(&received.delivery) {
            let mut conn = self.store.connection().await.unwrap();
            let number = LaneMessageRow {
                lane_id: received.lane.as_uuid(),
                number: i64::try_from(received.number).unwrap(),
                how: TAKEN.to_owned(),
                recorded_at: now(),
            };
            LaneMessageRow::insert(&mut conn, &[number]).await.unwrap();
            record(&mut conn, received.delivery).await;
        }
        Outcome::Done
    }
}

impl Writer {
    /// A writer that forgets these deliveries, and gives up those.
    pub(crate) async fn start(
        ground: &Ground,
        forgotten: &[DeliveryId],
        given_up: &[DeliveryId],
    ) -> Self {
        let stop = CancellationToken::new();
        let consumption = Consumption {
            bus: ground.house.bus("attempt-writer").await,
            consumer: &ATTEMPT_WRITER,
            gate: Gate::new(Vec::new()),
            stop: stop.clone(),
        };
        let recording = Arc::new(Recording {
            store: ground.writer.clone(),
            forgotten: forgotten.iter().copied().collect(),
            given_up: given_up.iter().copied().collect(),
        });
        let task = async move { each(consumption, 4, recording).await.unwrap() };
        Self {
            stop,
            task: tokio::spawn(task),
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// Records a delivery, whoever brought it.
pub(crate) async fn record(conn: &mut store::pool::Connection, delivery: DeliveryId) {
    let row = ReceiptRow {
        delivery_id: delivery.as_uuid(),
        source: "github".to_owned(),
        forge_delivery: delivery.to_string(),
        body_digest: Digest::of(b"{}").to_string(),
        lane_id: LaneId::new().as_uuid(),
        lane_number: 1,
        recorded_at: now(),
    };
    ReceiptRow::insert(conn, &[row]).await.unwrap();
}

impl Ground {
    /// The deliveries of the holes of which this is said.
    pub(crate) async fn holes(&self, what: &str) -> BTreeSet<DeliveryId> {
        let query = format!("SELECT delivery_id FROM lane_hole WHERE what = '{what}'");
        let rows = self.house.rows(&query).await.into_iter();
        let id = |row: String| {
            let row: serde_json::Value = serde_json::from_str(&row).unwrap();
            row["delivery_id"].as_str().unwrap().parse().unwrap()
        };
        rows.map(id).collect()
    }

    /// Waits until these holes, and no others, are such.
    pub(crate) async fn until_holes(&self, what: &str, wanted: &[DeliveryId]) {
        let wanted: BTreeSet<DeliveryId> = wanted.iter().copied().collect();
        wait::until(&format!("{wanted:?} are {what}"), async || {
            let found = self.holes(what).await;
            (found == wanted).then_some(()).ok_or(format!("{found:?}"))
        })
        .await;
    }

    /// Waits until a lane is judged up to a number.
    pub(crate) async fn until_judged(&self, lane: &Lane, number: i64) {
        let query = format!("SELECT * FROM work.lane WHERE lane_id = '{}'", lane.id);
        wait::until(&format!("the lane is judged up to {number}"), async || {
            let rows = self.house.rows(&query).await.join("\n");
            let read: serde_json::Value = serde_json::from_str(&rows).unwrap_or_default();
            (read["judged_number"] == number).then_some(()).ok_or(rows)
        })
        .await;
    }
}
