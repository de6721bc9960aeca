//! A consumer that dies of some messages: it aborts when it is handed one whose text begins with
//! `kill`, and writes the text of every other into a file. For the tests of the bus, which start it
//! again each time:
//! `mortal <url> <user> <password> <each|batches> <consumer> <ack wait in ms> <file>`.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bus::batches::batches;
use bus::connect::{Bus, ConnectSettings};
use bus::consume::{BatchHandler, Consumption, Handler, Outcome, each};
use bus::incoming::Incoming;
use bus::topology::ConsumerSpec;
use process::health::Gate;
use tokio_util::sync::CancellationToken;

/// Messages worked on at one time, one by one.
const SLOTS: usize = 4;
/// Messages in a batch.
const BATCH_MAX: usize = 1_000;

struct Mortal(File);

impl Mortal {
    fn meet(&self, incoming: &Incoming) -> Outcome {
        if incoming.payload.starts_with(b"kill") {
            std::process::abort();
        }
        let line = [&incoming.payload[..], b"\n"].concat();
        match (&self.0).write_all(&line) {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::Never(error.to_string()),
        }
    }
}

impl Handler for Mortal {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        // Its neighbours are on their way when it is met.
        tokio::task::yield_now().await;
        self.meet(incoming)
    }
}

impl BatchHandler for Mortal {
    async fn handle(&self, batch: &[Incoming]) -> Vec<Outcome> {
        // As a transaction does: all of them, or none.
        if batch
            .iter()
            .any(|incoming| incoming.payload.starts_with(b"kill"))
        {
            std::process::abort();
        }
        batch.iter().map(|incoming| self.meet(incoming)).collect()
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("an argument is missing");
    let url = next()?;
    let credentials = Some((next()?, next()?));
    let mode = next()?;
    let durable: &'static str = next()?.leak();
    let ack_wait = Duration::from_millis(next()?.parse()?);
    let file = OpenOptions::new().append(true).create(true).open(next()?)?;
    let consumer = Box::leak(Box::new(ConsumerSpec {
        stream: "TESTS",
        durable,
        filter: "test.>",
        ack_wait,
        unacked_max: 1_000,
    }));
    let settings = ConnectSettings {
        url,
        credentials,
        ..ConnectSettings::default()
    };
    let consumption = Consumption {
        bus: Bus::connect(&settings, "mortal").await?,
        consumer,
        gate: Gate::new(Vec::new()),
        stop: CancellationToken::new(),
    };
    let mortal = Arc::new(Mortal(file));
    match mode.as_str() {
        "each" => each(consumption, SLOTS, mortal).await?,
        _ => batches(consumption, BATCH_MAX, mortal).await?,
    }
    Ok(())
}
