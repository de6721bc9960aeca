//! What happens within a process: its clock is stepped, its disk fails. Skipped, aloud, where there
//! is no compiler for what is loaded into it.

use contract::time;
use sample::delivery::SignedDelivery;
use sample::dialect::{Dialect, Envelope};
use serde_json::json;
use testkit::wait;
use torture::ground::{LATER_SECRET, SOURCE};
use torture::mischief::{Mischief, Sick};
use torture::seat::INGEST;
use torture::traffic::large;

use crate::scene::{OTHER_INGEST, SEED, Scene};

/// Far beyond the tolerance of a timestamp, in seconds; and so far that the later secret signs.
const STEP_SECS: i64 = 2 * 60 * 60;

/// What one delivery has beside its push, in bytes.
const BYTES: usize = 64;

/// Posts a delivery to the first ingest; gives the status.
async fn post(scene: &Scene, source: &str, signed: &SignedDelivery) -> u16 {
    let url = scene.ground.hooks_url_of(0, source);
    let mut request = reqwest::Client::new().post(url).body(signed.body.clone());
    for (name, value) in &signed.headers {
        request = request.header(*name, value);
    }
    request.send().await.unwrap().status().as_u16()
}

fn signed(dialect: Dialect, delivery: &str, secret: &str) -> SignedDelivery {
    let sent_at = u64::try_from(time::now().timestamp()).unwrap();
    // An event that nobody wants: the answer says whether its signature counted.
    let body = json!({ "type": "nothing", "data": {} }).to_string();
    let envelope = Envelope {
        delivery,
        secret,
        sent_at,
    };
    dialect.sign("star", body.into(), envelope)
}

async fn scene() -> Option<Scene> {
    let scene = Scene::set().await;
    if !scene.ground.has_mischief() {
        println!("skipped: nothing can be loaded into a process here");
        return None;
    }
    Some(scene)
}

fn mischief(scene: &Scene) -> &Mischief {
    scene.seat(INGEST).mischief.as_ref().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_stepped_moves_every_window_of_time_and_back() {
    let Some(scene) = scene().await else { return };
    let timed = Dialect::StandardWebhooks;
    let in_time = signed(timed, "in-time", timed.example_secret());
    let later = signed(Dialect::Github, "later", LATER_SECRET);
    for (seconds, timed_is, later_is) in [
        (0, 202, 401),
        (STEP_SECS, 401, 202),
        (-STEP_SECS, 401, 401),
        (0, 202, 401),
    ] {
        mischief(&scene).step_clock(seconds);
        let both = (
            post(&scene, "timed", &in_time).await,
            post(&scene, SOURCE, &later).await,
        );
        assert_eq!(both, (timed_is, later_is), "{seconds} s");
    }
    assert!(mischief(&scene).clocks() > 0);
    // What is pushed while clocks differ is recorded and judged like anything else.
    mischief(&scene).step_clock(-STEP_SECS);
    let mut scene = scene;
    let push = scene.push().await;
    assert!(scene.driver.send(&push).await);
    mischief(&scene).step_clock(STEP_SECS);
    assert!(scene.driver.send(&scene.other(0)).await);
    mischief(&scene).step_clock(0);
    let figures = scene.end_well().await;
    assert_eq!(figures["counts"]["results"], 1, "{figures:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_whose_disk_fails_promises_nothing_and_loses_nothing_that_it_promised() {
    let Some(scene) = scene().await else { return };
    scene.seat(OTHER_INGEST).kill().await;
    let nats = async || {
        let mut house = scene.ground.house().await;
        house.nats_mut().kill().await.unwrap();
    };
    nats().await;
    for (number, sick) in [Sick::Syncs, Sick::Full].into_iter().enumerate() {
        let first = number as u64 * 10;
        wait::until("the spool takes one", async || {
            let ready = large(SEED, first, BYTES);
            match scene.driver.send_once(&ready, 0).await {
                true => Ok(()),
                false => Err("refused".to_owned()),
            }
        })
        .await;
        mischief(&scene).sicken(Some(sick));
        for number in first + 1..first + 5 {
            let taken = scene.driver.send_once(&large(SEED, number, BYTES), 0).await;
            assert!(!taken, "{sick:?}: it was not kept");
        }
        assert!(mischief(&scene).disks() > 0);
        mischief(&scene).sicken(None);
    }
    // And who wrote to the sick disk dies before it is well.
    mischief(&scene).sicken(Some(Sick::Full));
    scene.driver.send_once(&large(SEED, 20, BYTES), 0).await;
    scene.seat(INGEST).kill().await;
    mischief(&scene).sicken(None);
    scene.seat(INGEST).start().await;
    wait::until("the next process takes one", async || {
        match scene.driver.send_once(&large(SEED, 21, BYTES), 0).await {
            true => Ok(()),
            false => Err("refused".to_owned()),
        }
    })
    .await;
    let mut house = scene.ground.house().await;
    house.nats_mut().start_again().await.unwrap();
    drop(house);
    scene.end_well().await;
}
