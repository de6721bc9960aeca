//! A cluster of three whose leaders move and whose servers go away in the middle of it: what was
//! promised is there, once, and the loops go on by themselves.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bus::batches::batches;
use bus::connect::Bus;
use bus::consume::{Consumption, Outcome};
use bus::error::PublishError;
use bus::outgoing::Outgoing;
use bus::topology::ATTEMPT_WRITER;
use process::health::Gate;
use testkit::cluster::{Cluster, SERVERS};
use testkit::wait;
use tokio_util::sync::CancellationToken;

use crate::world::{Record, keeper};

/// Messages of one batch.
const BATCH: usize = 50;
/// How often a leader is moved.
const MOVES: usize = 4;

fn outgoing(text: &str) -> Outgoing {
    let (subject, payload) = ("assay.delivery.test".to_owned(), text.to_owned().into());
    Outgoing::raw("tested", "test.v1", subject, text, payload).unwrap()
}

/// Publishes batches until it is told to stop, as webhook-ingest does: one that nobody answered for
/// goes message by message, until each is stored. Gives what was promised.
async fn publish(bus: &Bus, stop: &AtomicBool) -> Vec<String> {
    let mut promised = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let texts: Vec<String> = (0..BATCH)
            .map(|place| format!("{number}-{place}"))
            .collect();
        let batch: Vec<Outgoing> = texts.iter().map(|text| outgoing(text)).collect();
        match bus.publish_batch(&batch).await {
            Ok(_) => {}
            Err(error) => {
                let may_go_alone = error.is_transient();
                let duplicate = matches!(error, PublishError::BatchHasDuplicate);
                assert!(may_go_alone || duplicate, "{error:?}");
                for text in &texts {
                    wait::until("the message is stored", async || {
                        let stored = bus.publish_raw(outgoing(text)).await;
                        stored.map(drop).map_err(|error| {
                            assert!(error.is_transient(), "{error:?}");
                            error.to_string()
                        })
                    })
                    .await;
                }
            }
        }
        promised.extend(texts);
    }
    promised
}

/// A loop that takes everything, and what it took.
fn take(bus: &Bus, stop: &CancellationToken) -> (tokio::task::JoinHandle<()>, Record) {
    let (handler, record) = keeper(|_| Outcome::Done);
    let consumption = Consumption {
        bus: bus.clone(),
        consumer: &ATTEMPT_WRITER,
        gate: Gate::new(Vec::new()),
        stop: stop.clone(),
    };
    let task = async move { batches(consumption, 100, Arc::new(handler)).await.unwrap() };
    (tokio::spawn(task), record)
}

/// Publishes and takes while something is done to the cluster; then all that was promised was taken.
async fn all_is_taken_while(disturb: impl AsyncFnOnce(&mut Cluster)) {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(folder.path()).await;
    let bus = cluster.bus("tested").await;
    bus.apply_topology(SERVERS).await.unwrap();
    let (enough, stop) = (AtomicBool::new(false), CancellationToken::new());
    let (taking, record) = take(&cluster.bus("tested").await, &stop);
    let disturbing = async {
        record.reaches(BATCH * 2).await;
        disturb(&mut cluster).await;
        enough.store(true, Ordering::Relaxed);
    };
    let (promised, ()) = tokio::join!(publish(&bus, &enough), disturbing);
    wait::until("all that was promised was taken", async || {
        let taken: HashSet<String> = record.all().into_iter().map(|seen| seen.text).collect();
        let missing = promised
            .iter()
            .filter(|text| !taken.contains(*text))
            .count();
        match missing {
            0 => Ok(()),
            _ => Err(format!("{missing} of {} are missing", promised.len())),
        }
    })
    .await;
    stop.cancel();
    taking.await.unwrap();
    // What was stored twice would have been taken twice at its first delivery.
    let first: Vec<_> = record
        .all()
        .into_iter()
        .filter(|seen| seen.deliveries == 1)
        .collect();
    let texts: HashSet<&String> = first.iter().map(|seen| &seen.text).collect();
    assert_eq!(texts.len(), first.len(), "something was stored twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_stored_once_while_leaders_move_in_the_middle_of_them() {
    all_is_taken_while(async |cluster| {
        for _ in 0..MOVES {
            cluster.step_down("DELIVERIES", None).await;
            cluster
                .step_down("DELIVERIES", Some("attempt-writer"))
                .await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_and_comes_back_loses_nothing_that_was_promised() {
    all_is_taken_while(async |cluster| {
        let leader = led(cluster).await;
        cluster.kill(leader);
        until_another_leads(cluster, leader).await;
        cluster.start_again(leader);
        cluster.until_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stalls_is_left_by_its_clients_and_harms_nobody_when_it_wakes() {
    all_is_taken_while(async |cluster| {
        let leader = led(cluster).await;
        cluster.pause(leader);
        until_another_leads(cluster, leader).await;
        cluster.resume(leader);
        cluster.until_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_have_three_copies_in_a_cluster_and_others_only_when_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(folder.path()).await;
    let bus = cluster.bus("tested").await;
    let copies = async || cluster.copies("DELIVERIES").await;
    bus.apply_topology(None).await.unwrap();
    assert_eq!(copies().await, SERVERS);
    for (asked, has) in [
        (Some(1), 1),
        (None, 1),
        (Some(SERVERS), SERVERS),
        (None, SERVERS),
    ] {
        bus.apply_topology(asked).await.unwrap();
        assert_eq!(copies().await, has, "{asked:?}");
        bus.check_topology().await.unwrap();
    }
}

async fn until_another_leads(cluster: &Cluster, leader: usize) {
    wait::until("another server leads", async || {
        match cluster.leader("DELIVERIES").await {
            Some(other) if other != leader => Ok(()),
            seen => Err(format!("{seen:?}")),
        }
    })
    .await;
}

async fn led(cluster: &Cluster) -> usize {
    wait::until("somebody leads", async || {
        let leader = cluster.leader("DELIVERIES").await;
        leader.ok_or_else(|| "nobody".to_owned())
    })
    .await
}
