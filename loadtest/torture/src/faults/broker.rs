//! What is done to nats-server, and to its streams.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bus::connect::Bus;
use bus::outgoing::Outgoing;
use serde_json::Value;
use testkit::wire::{Act, Moment};
use tokio::time::Instant;

use crate::faults::TRAP_MS_MAX;
use crate::ground::Ground;
use crate::hand::Hand;
use crate::kills::is_sprung;
use crate::redeliver;
use crate::seat::{INGEST, RECONCILER};
use witness::account::Poison;

/// How long pushes that reconciler found may take to be judged before the disk is taken away, in
/// seconds.
const FOUND_SECS_MAX: u64 = 60;
/// How long a transaction that has begun may take.
const COMMIT_MAX: Duration = Duration::from_secs(1);
/// The pause between two looks, in milliseconds.
const LOOK_MS: u64 = 250;
/// The kind of a message that nobody can handle.
const NONSENSE: &str = "dev.assay.nonsense.v1";
/// Which messages are dead letters.
const BURIED: &str = "SELECT message_id FROM dead_letter";
/// Pushes that were found, and what follows from them is still on its way.
const FOUND_ON_THEIR_WAY: &str = "SELECT count(*) FROM push \
    JOIN delivery ON delivery.id = push.delivery_id AND delivery.event = 'assay-ref-found' \
    WHERE EXISTS (SELECT FROM verification_request AS request \
      WHERE request.cause = 'push:' || push.id AND NOT EXISTS \
      (SELECT FROM verification_attempt WHERE request_id = request.id)) \
    OR EXISTS (SELECT FROM listing_due AS due WHERE due.push_id = push.id AND NOT EXISTS \
      (SELECT FROM listing_part AS part WHERE part.push_id = push.id))";

pub(super) async fn kill(ground: &Ground, lasts: Duration) -> Result<()> {
    let mut house = ground.house().await;
    house.nats_mut().kill().await?;
    tokio::time::sleep(lasts).await;
    house.nats_mut().start_again().await?;
    Ok(())
}

pub(super) async fn kill_mid_batch(ground: &Ground, lasts: Duration) -> Result<bool> {
    let seat = ground.seat(INGEST);
    let _turn = seat.turn.lock().await;
    let sprung = seat
        .nats
        .lay(Moment::Published("assay.delivery."), Act::Hold);
    if !is_sprung(sprung, Duration::from_millis(TRAP_MS_MAX)).await {
        return Ok(false);
    }
    let killed = kill(ground, lasts).await;
    seat.lose_wires();
    killed.map(|()| true)
}

/// Takes the broker's disk away, and plays the operator and the forge after it: the topology
/// is applied again, and what the ledger does not have is sent again. What reconciler found cannot
/// be sent again by anybody, so that it is let arrive before.
pub(super) async fn wipe(hand: &Hand, lasts: Duration) -> Result<bool> {
    let reconciler = hand.ground.seat(RECONCILER);
    let _turn = reconciler.turn.lock().await;
    reconciler.kill().await;
    let wiped = match until_nothing_found_waits(&hand.ground).await {
        true => wipe_now(hand, lasts).await,
        false => Ok(false),
    };
    reconciler.start().await;
    wiped
}

async fn until_nothing_found_waits(ground: &Ground) -> bool {
    let until = Instant::now() + Duration::from_secs(FOUND_SECS_MAX);
    while ground.house().await.number(FOUND_ON_THEIR_WAY).await > 0 {
        if Instant::now() > until {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
    true
}

async fn wipe_now(hand: &Hand, lasts: Duration) -> Result<bool> {
    {
        let mut house = hand.ground.house().await;
        house.nats_mut().kill().await?;
        tokio::time::sleep(lasts.max(COMMIT_MAX)).await;
        if house.number(FOUND_ON_THEIR_WAY).await > 0 {
            // One was recorded this very moment.
            house.nats_mut().start_again().await?;
            return Ok(false);
        }
        let log = house.nats().log();
        let store = log.parent().context("the folder of NATS")?.join("store");
        std::fs::remove_dir_all(&store).context("remove the data of NATS")?;
        house.nats_mut().start_again().await?;
    }
    hand.ground.assay(&["topology", "apply"]).await?;
    let sent = redeliver::what_is_missing(&hand.ground, &hand.driver).await?;
    println!("the data of NATS was removed: the forge sends {sent} deliveries again");
    poison_again(hand).await?;
    Ok(true)
}

/// Puts messages into streams that no handler can understand.
pub(super) async fn poison(hand: &Hand) -> Result<()> {
    let bus = hand.ground.house().await.bus("torture").await;
    for (stream, subject) in [
        ("DELIVERIES", "assay.delivery.github"),
        ("JOBS", "assay.job.snapshot.live"),
        ("JOBS", "assay.job.verify.bulk"),
    ] {
        let number = hand.tally.beginning("poison") + hand.tally.beginning("one poison");
        let id = format!("poison-{}-{number}", subject.replace('.', "-"));
        let poison = Poison {
            stream,
            subject,
            message_id: id,
        };
        publish(&bus, &poison).await?;
        hand.driver.account.poison(poison);
        hand.tally.add("one poison message");
    }
    Ok(())
}

/// Puts poison again that went with the broker's disk before it was a dead letter: no forge will.
async fn poison_again(hand: &Hand) -> Result<()> {
    let (bus, buried) = {
        let house = hand.ground.house().await;
        (house.bus("torture").await, house.rows(BURIED).await)
    };
    let id_of = |row: &String| {
        let row: Value = serde_json::from_str(row).unwrap_or_default();
        row["message_id"].as_str().map(str::to_owned)
    };
    let buried: HashSet<String> = buried.iter().filter_map(id_of).collect();
    for poison in hand.driver.account.poisoned() {
        if !buried.contains(&poison.message_id) {
            publish(&bus, &poison).await?;
        }
    }
    Ok(())
}

async fn publish(bus: &Bus, poison: &Poison) -> Result<()> {
    let body = "{\"this is\":\"nothing\"".into();
    let subject = poison.subject.to_owned();
    let message = Outgoing::raw("torture", NONSENSE, subject, &poison.message_id, body)?;
    let published = bus.publish_raw(message).await;
    published.map(drop).context("publish a poison message")
}
