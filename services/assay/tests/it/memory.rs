//! Many large bodies at once take no more memory than they may, and nothing that was accepted is
//! lost.

use bus::topology::ATTEMPT_WRITER;
use futures::future::join_all;
use process::settings::service::Service;
use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};
use sample::delivery::{SignedDelivery, sign_bytes};
use testkit::house::House;
use testkit::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::site::{SECRET, Site};

/// The service that is tested has no database.
const NO_LEDGER: &str = "postgres://assay_owner@127.0.0.1:1/assay";

/// What all bodies may take, in bytes.
const MEMORY: u64 = 16 * 1024 * 1024;
const BODIES: usize = 40;
/// Size of each, in bytes: all of them with what is made of them would take 280 MiB.
const BODY: usize = 3_500_000;
/// What a process may take beside its bodies: code, buffers, what the allocator keeps.
const BESIDE: u64 = 100 * 1024 * 1024;

/// A delivery of JSON that cannot be compressed by much.
fn delivery(number: usize) -> SignedDelivery {
    let mut random = vec![0; BODY / 2];
    StdRng::seed_from_u64(number as u64).fill_bytes(&mut random);
    let body = format!("{{\"ref\":\"{}\"}}", hex::encode(random));
    sign_bytes("push", &format!("d-{number}"), body.into(), SECRET)
}

/// Posts a body in chunks, without saying how long it is; gives the answer's head.
async fn post(site: &Site, signed: &SignedDelivery) -> String {
    let (head, body) = (site.request_head(signed), &signed.body);
    let mut stream = TcpStream::connect(site.hooks_address()).await.unwrap();
    let (mut read, mut write) = stream.split();
    let writing = async {
        let head = format!("{head}transfer-encoding: chunked\r\nconnection: close\r\n\r\n");
        write.write_all(head.as_bytes()).await?;
        for chunk in body.chunks(60_000) {
            let size = format!("{:x}\r\n", chunk.len());
            write.write_all(size.as_bytes()).await?;
            write.write_all(chunk).await?;
            write.write_all(b"\r\n").await?;
        }
        write.write_all(b"0\r\n\r\n").await
    };
    let mut answer = Vec::new();
    let reading = async { read.read_to_end(&mut answer).await };
    let _ = tokio::join!(writing, reading);
    String::from_utf8(answer).unwrap().to_ascii_lowercase()
}

/// What the system says of a process's memory, in bytes.
pub(crate) fn memory(process: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line
        .unwrap()
        .trim_start_matches(':')
        .trim()
        .trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() * 1024
}

async fn metric(site: &Site, name: &str) -> f64 {
    let (_, metrics) = site.ask(Service::WebhookIngest, "/metrics").await.unwrap();
    let found = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found
        .unwrap_or_else(|| panic!("{name} is not in {metrics}"))
        .parse()
        .unwrap()
}

/// Large bodies must not lie among what is small: what they took would never be given back.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_has_its_libc_told_from_which_size_on_memory_is_given_back() {
    let mut site = Site::furnish_with(House::with_nats().await, NO_LEDGER, "").await;
    site.start_one(Service::WebhookIngest);
    site.until_ready(Service::WebhookIngest).await;
    // The same process: whoever started it can still signal it.
    let process = site.process_of(Service::WebhookIngest);
    let variables = std::fs::read(format!("/proc/{process}/environ")).unwrap();
    let variables = String::from_utf8(variables).unwrap();
    let told = "MALLOC_MMAP_THRESHOLD_=1048576";
    let known = variables.split('\0').any(|variable| variable == told);
    assert_eq!(known, cfg!(target_env = "gnu"), "{variables:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_in_chunks_never_take_more_room_than_there_is() {
    let more = format!("[ingest]\nmemory_bytes_max = {MEMORY}\nbody_bytes_max = 4194304\n");
    let mut site = Site::furnish_with(House::with_nats().await, NO_LEDGER, &more).await;
    site.start_one(Service::WebhookIngest);
    site.until_ready(Service::WebhookIngest).await;
    let program = site.take(Service::WebhookIngest);
    let before = memory(program.id(), "VmRSS");

    // Made before anybody connects: whoever connects and says nothing for long is cut off.
    let signed: Vec<_> = (0..BODIES).map(delivery).collect();
    let answers = join_all(signed.iter().map(|signed| post(&site, signed))).await;
    let accepted = answers
        .iter()
        .filter(|a| a.starts_with("http/1.1 202 "))
        .count();
    for answer in &answers {
        let refused = answer.starts_with("http/1.1 503 ");
        assert!(refused || answer.starts_with("http/1.1 202 "), "{answer}");
        assert_eq!(
            refused,
            answer.contains("\r\nretry-after: 5\r\n"),
            "{answer}"
        );
    }
    assert!(accepted > 0, "{answers:?}");

    let most = metric(&site, "assay_ingest_body_bytes_most").await;
    assert!(most > BODY as f64 && most <= MEMORY as f64, "{most}");
    let peak = memory(program.id(), "VmHWM");
    assert!(peak < before + MEMORY + BESIDE, "{before} to {peak}");
    wait::until("all room is given back", async || {
        match metric(&site, "assay_ingest_body_bytes").await {
            0.0 => Ok(()),
            held => Err(held.to_string()),
        }
    })
    .await;
    // What was accepted is stored, and nothing else is. Such bodies lie elsewhere, and their
    // deliveries may have come together.
    let bus = site.house.bus("tests").await;
    let (stored, all) = bus
        .look_through(&ATTEMPT_WRITER, 1, BODIES + 1)
        .await
        .unwrap();
    assert!(all);
    assert_eq!(stored.len(), accepted);
    drop(program);
}
