//! Owns the sending of the limits: requests that were made before, over few connections, by one thread
//! of its own. What it costs the machine is not there for what is measured.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hyper::Uri;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::latency::Latencies;
use crate::limits::PREPARED_MAX;
use crate::schedule::Schedule;
use crate::traffic::Traffic;
use crate::wire::{Request, Wire};

/// Connections that an open loop may have at most; what finds none free waits, and its latency shows
/// it.
const CONNECTIONS_MAX: usize = 1_024;

/// Requests that are ready to be sent.
pub fn prepare(url: &Uri, count: u64, traffic: &Traffic) -> Vec<Request> {
    let made = (0..count).map(|number| Request::new(url, &traffic.delivery(number).signed, None));
    made.collect()
}

/// Requests a second that a place answers 202, each sent once, over so many connections.
///
/// # Errors
/// Where one is answered otherwise, or not at all.
pub async fn all_at_once(url: &Uri, requests: Vec<Request>, connections: usize) -> Result<f64> {
    let address = address(url)?;
    alone(async move {
        let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
        let mut sending: JoinSet<Result<()>> = JoinSet::new();
        let began = Instant::now();
        for _ in 0..connections {
            let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
            let address = address.clone();
            sending.spawn(async move {
                let mut wire = Wire::connect(&address).await?;
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    accepted(&mut wire, request).await?;
                }
                Ok(())
            });
        }
        while let Some(sent) = sending.join_next().await {
            sent.context("send")??;
        }
        Ok(requests.len() as f64 / began.elapsed().as_secs_f64())
    })
    .await
}

/// What answers take at a rate, whether or not they come: the same bodies again and again, each time
/// under an id of its own that begins with `ids`, as none did that was sent before.
///
/// # Errors
/// Where one is answered otherwise, or not at all.
pub async fn at_rate(
    url: &Uri,
    traffic: &Traffic,
    schedule: Schedule,
    ids: &str,
) -> Result<Latencies> {
    let address = address(url)?;
    let ids = ids.to_owned();
    let (url, count) = (url.clone(), schedule.count().min(PREPARED_MAX));
    let signed: Vec<_> = (0..count).map(|n| traffic.delivery(n).signed).collect();
    alone(async move {
        // The one that has been idle longest goes next: none is so for long enough to be closed.
        let idle = Arc::new(std::sync::Mutex::new(VecDeque::<Wire>::new()));
        let room = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
        let (began, sent) = (Instant::now(), AtomicU64::new(0));
        let mut sending: JoinSet<Result<(Duration, Duration)>> = JoinSet::new();
        let mut latencies = Latencies::new()?;
        while let Some(at) = schedule.at(sent.fetch_add(1, Ordering::Relaxed)) {
            let number = sent.load(Ordering::Relaxed);
            let place = usize::try_from(number % count).expect("a place among those prepared");
            let request = Request::new(&url, &signed[place], Some(&format!("{ids}-{number}")));
            if began.elapsed() < at {
                tokio::time::sleep_until(began + at).await;
            }
            let (idle, address) = (Arc::clone(&idle), address.clone());
            let permit = Arc::clone(&room).acquire_owned().await?;
            sending.spawn(async move {
                let free = idle.lock().expect("nobody panics with it").pop_front();
                let mut wire = match free {
                    Some(wire) => wire,
                    None => Wire::connect(&address).await?,
                };
                accepted(&mut wire, &request).await?;
                idle.lock().expect("nobody panics with it").push_back(wire);
                drop(permit);
                Ok((at, began.elapsed().saturating_sub(at)))
            });
            while let Some(sent) = sending.try_join_next() {
                let (at, latency) = sent.context("send")??;
                latencies.note(at, latency)?;
            }
        }
        while let Some(sent) = sending.join_next().await {
            let (at, latency) = sent.context("send")??;
            latencies.note(at, latency)?;
        }
        Ok(latencies)
    })
    .await
}

async fn accepted(wire: &mut Wire, request: &Request) -> Result<()> {
    let answer = wire.post(request).await?;
    ensure!(
        answer.status == 202,
        "a delivery was answered {}",
        answer.status
    );
    Ok(())
}

fn address(url: &Uri) -> Result<String> {
    let authority = url.authority().context("the URL has no host")?;
    Ok(authority.to_string())
}

/// Does the work on a thread of its own, which costs less than to pass it from thread to thread.
async fn alone<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let doing = tokio::task::spawn_blocking(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.context("make a runtime")?.block_on(work)
    });
    doing.await.context("send")?
}
