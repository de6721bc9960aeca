//! webhook-ingest is killed again and again while it spools and drains: what was answered 202
//! reaches the queue, once (promise P1).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::consume::{Consumption, Handler, Outcome, each};
use bus::incoming::Incoming;
use bus::topology::ATTEMPT_WRITER;
use contract::delivery::{DELIVERY_HEADER, DeliveryReceived};
use process::health::Gate;
use process::settings::service::Service;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use reqwest::Client;
use sample::delivery::sign;
use serde_json::{Value, json};
use testkit::house::House;
use testkit::wait;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::site::{SECRET, Site};

/// How often the ingest dies while the bus is away, and then while it drains.
const DEATHS_WITHOUT_BUS: usize = 20;
const DEATHS_WITH_BUS: usize = 10;
/// Longest life between the first delivery that it accepts and its death, in milliseconds.
const LIFE_MS_MAX: u64 = 200;
/// Who post at once, and how long each waits after a delivery that was not accepted, in
/// milliseconds.
const POSTERS: usize = 6;
const TRY_AGAIN_MS: u64 = 20;
/// Small files, so that deaths come between them too.
const SPOOL: &str = "[ingest.spool]\npersistent = true\nsegment_bytes_max = 16384\n";

/// What the posters know of each other.
#[derive(Default)]
struct Posting {
    over: AtomicBool,
    posted: AtomicUsize,
    accepted: Mutex<Vec<String>>,
}

impl Posting {
    fn accepted(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }
}

/// Posts one delivery after the other, each but once.
async fn post(client: Client, url: String, posting: Arc<Posting>) {
    while !posting.over.load(Ordering::Relaxed) {
        let number = posting.posted.fetch_add(1, Ordering::Relaxed);
        let name = format!("d{number:06}");
        let signed = sign("push", &name, &json!({ "ref": "x", "name": name }), SECRET);
        let mut request = client.post(&url).body(signed.body);
        for (header, value) in &signed.headers {
            request = request.header(*header, value);
        }
        match request.send().await {
            Ok(answer) if answer.status() == 202 => posting.accepted.lock().unwrap().push(name),
            // Dead, or about to die: a delivery of its own is the next one.
            _ => tokio::time::sleep(Duration::from_millis(TRY_AGAIN_MS)).await,
        }
    }
}

/// Lets the ingest accept something, and kills it at a moment chosen by chance.
async fn die(site: &mut Site, posting: &Posting, dice: &mut StdRng) {
    let before = posting.accepted();
    wait::until("the ingest accepts", async || match posting.accepted() {
        now if now > before => Ok(()),
        now => Err(format!("{now} accepted")),
    })
    .await;
    let life = Duration::from_millis(dice.gen_range(0..LIFE_MS_MAX));
    tokio::time::sleep(life).await;
    site.kill(Service::WebhookIngest);
    site.start_one(Service::WebhookIngest);
}

#[derive(Default)]
struct Reader(Mutex<Vec<(String, String)>>);

impl Handler for Reader {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let header = |name: &str| incoming.header(name).unwrap_or_default().to_owned();
        let received: DeliveryReceived = serde_json::from_str(&header(DELIVERY_HEADER)).unwrap();
        let stored = (header("Nats-Msg-Id"), received.forge_delivery);
        self.0.lock().unwrap().push(stored);
        Outcome::Done
    }
}

/// Takes everything out of the queue: message ids and deliveries.
async fn stored(site: &Site) -> Vec<(String, String)> {
    let bus = site.house.bus("attempt-writer").await;
    let (reader, stop) = (Arc::new(Reader::default()), CancellationToken::new());
    let consumption = Consumption {
        bus: bus.clone(),
        consumer: &ATTEMPT_WRITER,
        gate: Gate::new(Vec::new()),
        stop: stop.clone(),
    };
    let reading = Arc::clone(&reader);
    let reading = tokio::spawn(async move { each(consumption, 256, reading).await });
    wait::until("the queue is empty", async || {
        let states = bus.stream_states().await.map_err(|e| e.to_string())?;
        let deliveries = states.iter().find(|state| state.name == "DELIVERIES");
        match deliveries.expect("it is there").messages {
            0 => Ok(()),
            left => Err(format!("{left} messages")),
        }
    })
    .await;
    stop.cancel();
    reading.await.unwrap().unwrap();
    let stored = reader.0.lock().unwrap();
    stored.clone()
}

/// Waits until nothing is left in the spool.
async fn drained(site: &Site) {
    wait::until("the spool is drained", async || {
        let (_, report) = site.ask(Service::WebhookIngest, "/ready").await?;
        let read: Value = serde_json::from_str(&report).map_err(|e| e.to_string())?;
        // A process that has only just begun has no such parts yet.
        let is_quiet = |part: &str| {
            let part = &read["parts"][part];
            part["ready"] == true && part.get("note").is_none()
        };
        if is_quiet("bus") && is_quiet("spool") {
            Ok(())
        } else {
            Err(report)
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_survives_every_death_of_the_ingest_and_is_stored_once() {
    let seed: u64 = rand::thread_rng().r#gen();
    println!("the seed of this run's deaths is {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let mut site = Site::furnish(House::start().await, SPOOL).await;
    site.house.nats_mut().kill().await.unwrap();
    site.start_one(Service::WebhookIngest);
    let posting = Arc::new(Posting::default());
    let mut posters = JoinSet::new();
    for _ in 0..POSTERS {
        let (client, url) = (site.client.clone(), site.hooks_url());
        posters.spawn(post(client, url, Arc::clone(&posting)));
    }
    for _ in 0..DEATHS_WITHOUT_BUS {
        die(&mut site, &posting, &mut dice).await;
    }
    site.house.nats_mut().start_again().await.unwrap();
    for _ in 0..DEATHS_WITH_BUS {
        die(&mut site, &posting, &mut dice).await;
    }
    posting.over.store(true, Ordering::Relaxed);
    posters.join_all().await;
    drained(&site).await;

    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for (id, name) in stored(&site).await {
        *times.entry(id).or_default() += 1;
        names.insert(name);
    }
    let accepted = posting.accepted.lock().unwrap().clone();
    println!("{} accepted, {} stored", accepted.len(), names.len());
    assert!(accepted.len() >= DEATHS_WITHOUT_BUS + DEATHS_WITH_BUS);
    let lost: Vec<_> = accepted
        .iter()
        .filter(|name| !names.contains(*name))
        .collect();
    assert_eq!(lost, [""; 0], "accepted and not stored");
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "stored more than once: {twice:?}");
    site.stop(Service::WebhookIngest).await;
}
