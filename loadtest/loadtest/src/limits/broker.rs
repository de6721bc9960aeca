//! Owns what a nats-server of its own stores of the same compressed bodies, synced, with nobody who
//! takes them out.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bus::connect::{Bus, ConnectSettings};
use bus::outgoing::Outgoing;
use bytes::Bytes;
use servers::folder::DataFolder;
use servers::nats::{NatsSettings, PrivateNats};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What is tried of batches: messages of each, and how many at once. The best counts.
const BATCHES: [(usize, usize); 4] = [(HUNDRED, 4), (250, 4), (500, 2), (1_000, 2)];
/// The size whose figure is given by itself too: the best of those that were measured before there was
/// a service to hold against them.
const HUNDRED: usize = 100;
/// As many messages as wait for their ack where there are 64 connections, as batches and how many at
/// once: no batch can be larger then. The best counts.
const WAITING: [(usize, usize); 2] = [(64, 1), (32, 2)];
/// Messages of which that is tried.
const WAITING_MAX: usize = 10_000;
/// Single messages at once.
const SINGLES_AT_ONCE: usize = 256;
/// Most single messages: each costs a sync.
const SINGLES_MAX: usize = 5_000;
/// Where messages go to.
const SUBJECT: &str = "assay.delivery.limits";
/// The level that webhook-ingest compresses with.
const LEVEL: i32 = 1;
/// Longest measurement of one kind, in seconds; what is stored by then counts.
const SECS_MAX: u64 = 60;

/// Messages a second.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Broker {
    /// In atomic batches.
    pub batches: f64,
    /// In atomic batches of a hundred.
    pub hundreds: f64,
    /// In atomic batches, with no more than 64 that wait.
    pub waiting: f64,
    /// One by one.
    pub singles: f64,
}

/// Publishes every body several times, each under another id.
///
/// # Errors
/// A server that does not start, or refuses a message.
pub async fn measure(bodies: &[Bytes]) -> Result<Broker> {
    let folder = tempfile::tempdir().context("make a folder")?;
    let data = DataFolder::open(folder.path()).context("make a data folder")?;
    let nats = PrivateNats::start(&data, NatsSettings::default());
    let nats = nats.await.context("start a nats-server")?;
    let settings = ConnectSettings {
        url: nats.url(),
        credentials: Some(nats.credentials()),
        ..ConnectSettings::default()
    };
    let bus = Bus::connect(&settings, "webhook-ingest")
        .await
        .context("connect")?;
    bus.apply_topology(1).await.context("apply the topology")?;
    fill(&bus, SUBJECT, bodies).await
}

/// The same on a bus that is there, into the stream of a subject.
///
/// # Errors
/// If a message is refused.
pub async fn fill(bus: &Bus, subject: &str, bodies: &[Bytes]) -> Result<Broker> {
    let frames: Vec<Bytes> = bodies
        .iter()
        .map(|body| zstd::bulk::compress(body, LEVEL).map(Bytes::from))
        .collect::<Result<_, _>>()
        .context("compress")?;
    let (mut batches, mut hundreds) = (0.0_f64, 0.0);
    for (round, (size, at_once)) in BATCHES.into_iter().enumerate() {
        let messages = messages(subject, &frames, round)?;
        let rate = in_batches(bus, messages, size, at_once).await?;
        batches = batches.max(rate);
        if size == HUNDRED {
            hundreds = rate;
        }
    }
    let mut waiting = 0.0_f64;
    for (round, (size, at_once)) in (BATCHES.len()..).zip(WAITING) {
        let mut messages = messages(subject, &frames, round)?;
        messages.truncate(WAITING_MAX);
        waiting = waiting.max(in_batches(bus, messages, size, at_once).await?);
    }
    let mut single = messages(subject, &frames, BATCHES.len() + WAITING.len())?;
    single.truncate(SINGLES_MAX);
    let singles = in_batches(bus, single, 1, SINGLES_AT_ONCE).await?;
    Ok(Broker {
        batches,
        hundreds,
        waiting,
        singles,
    })
}

fn messages(subject: &str, frames: &[Bytes], round: usize) -> Result<Vec<Outgoing>> {
    let frames = frames.iter().enumerate();
    frames
        .map(|(number, frame)| {
            let id = format!("limit-{round}-{number}");
            let headers = [("Nats-Msg-Id", id.as_str())];
            Outgoing::from_parts(subject.to_owned(), headers, frame.clone())
                .context("make a message")
        })
        .collect()
}

async fn in_batches(
    bus: &Bus,
    mut messages: Vec<Outgoing>,
    size: usize,
    at_once: usize,
) -> Result<f64> {
    let until = Instant::now() + Duration::from_secs(SECS_MAX);
    let (began, mut stored) = (Instant::now(), 0);
    let mut publishing: JoinSet<Result<usize>> = JoinSet::new();
    while !messages.is_empty() && Instant::now() < until {
        let mut batch = messages.split_off(messages.len().saturating_sub(size));
        if publishing.len() >= at_once
            && let Some(done) = publishing.join_next().await
        {
            stored += done.context("publish")??;
        }
        let bus = bus.clone();
        publishing.spawn(async move {
            let count = batch.len();
            match batch.pop() {
                Some(only) if count == 1 => {
                    bus.publish_raw(only).await.context("publish")?;
                }
                last => {
                    batch.extend(last);
                    bus.publish_batch(&batch).await.context("publish a batch")?;
                }
            }
            Ok(count)
        });
    }
    while let Some(done) = publishing.join_next().await {
        stored += done.context("publish")??;
    }
    Ok(stored as f64 / began.elapsed().as_secs_f64())
}
