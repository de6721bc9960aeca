//! Owns the service's life: what it stands on, its consumers, its end.

use std::sync::Arc;

use bus::batches::batches_at_once;
use bus::consume::{Consumption, each};
use bus::topology::{
    ATTEMPT_WRITER, ATTEMPT_WRITER_BULK, ATTEMPT_WRITER_COMMANDS, ATTEMPT_WRITER_LIVE,
    ATTEMPT_WRITER_PRIVACY, ATTEMPT_WRITER_REPROCESS,
};
use objects::store::Objects;
use process::dependency::Dependency;
use process::health::{Gate, Health};
use process::settings::Settings;
use process::settings::service::Service;
use service::ground::Ground;
use service::intake;
use tokio_util::sync::CancellationToken;

use crate::bulk::Bulk;
use crate::command::Commands;
use crate::dead;
use crate::deliveries::Deliveries;
use crate::found::Found;
use crate::lost::Lost;
use crate::privacy::{Privacy, keeper};
use crate::pseudonym::Pseudonyms;
use crate::reprocess::Reprocess;
use crate::seal::MasterKeys;

/// Batches of deliveries that are worked on at one time while more wait than one has room for: one
/// is read, one is stored, and one waits for the disk.
const BATCHES_AT_ONCE: usize = 3;
/// Commands and found commits that are worked on at one time.
const SLOTS: usize = 4;
/// Orders about people that are carried out at one time: one after the other.
const PRIVACY_SLOTS: usize = 1;

/// Runs the service until it is told to stop.
///
/// # Errors
/// A bad setting, a topology or schema that is not ours, or a consumer that cannot be opened.
pub async fn run(
    settings: &Settings,
    health: &Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let ground = Ground::open(settings, Service::AttemptWriter, health, &stop).await?;
    let objects = service::objects::open(settings)?;
    let store_of_objects = Dependency::new(health.part("objects"));
    let intake = intake::into_jobs(&ground.bus, health);
    // Together they hold no more than one batch may have: bodies are what takes memory here.
    let batch_max = settings
        .writer
        .batch_deliveries_max
        .div_ceil(BATCHES_AT_ONCE);
    let lost = Lost::new(ground.clone(), &settings.writer);
    let Hands {
        deliveries,
        found,
        bulk,
        reprocess,
        commands,
        privacy,
    } = Hands::new(settings, &ground, &objects, &store_of_objects)?;
    let mut taking_in = ground.consumption(&ATTEMPT_WRITER);
    taking_in.gate = Gate::new(vec![
        health.part("bus"),
        health.part("ledger"),
        store_of_objects.part().clone(),
        intake.part().clone(),
    ]);
    let later = |consumer| Consumption {
        gate: Gate::new(vec![
            health.part("bus"),
            health.part("ledger"),
            intake.part().clone(),
        ]),
        ..ground.consumption(consumer)
    };
    let watch = async {
        let objects = store_of_objects.watch(&stop, async || objects.probe().await);
        tokio::join!(
            ground.watch(),
            objects,
            intake.watch(&stop),
            lost.keep(&stop),
            keeper::keep(&privacy, &stop)
        );
        Ok(())
    };
    // Each on the heap: together they are more than a thread's stack takes in a debug build.
    tokio::try_join!(
        Box::pin(watch),
        Box::pin(batches_at_once(
            taking_in,
            batch_max,
            BATCHES_AT_ONCE,
            deliveries
        )),
        Box::pin(each(ground.consumption(&ATTEMPT_WRITER_LIVE), SLOTS, found)),
        Box::pin(each(later(&ATTEMPT_WRITER_BULK), SLOTS, bulk)),
        Box::pin(each(later(&ATTEMPT_WRITER_REPROCESS), SLOTS, reprocess)),
        Box::pin(each(
            ground.consumption(&ATTEMPT_WRITER_COMMANDS),
            SLOTS,
            commands
        )),
        Box::pin(each(
            ground.consumption(&ATTEMPT_WRITER_PRIVACY),
            PRIVACY_SLOTS,
            Arc::clone(&privacy)
        )),
        Box::pin(dead::consume(&ground, &stop)),
    )?;
    Ok(())
}

/// Those who take in what each consumer brings.
struct Hands {
    deliveries: Arc<Deliveries>,
    found: Arc<Found>,
    bulk: Arc<Bulk>,
    reprocess: Arc<Reprocess>,
    commands: Arc<Commands>,
    privacy: Arc<Privacy>,
}

impl Hands {
    fn new(
        settings: &Settings,
        ground: &Ground,
        objects: &Objects,
        store_of_objects: &Dependency,
    ) -> anyhow::Result<Self> {
        let pseudonyms = Arc::new(Pseudonyms::new(&settings.pseudonym_key()?));
        let masters = Arc::new(MasterKeys::new(&settings.master_keys()?));
        let settings = Arc::new(settings.clone());
        let found = Found {
            ground: ground.clone(),
            pseudonyms: Arc::clone(&pseudonyms),
            masters: Arc::clone(&masters),
        };
        Ok(Self {
            deliveries: Arc::new(Deliveries {
                ground: ground.clone(),
                settings: Arc::clone(&settings),
                objects: objects.clone(),
                store_of_objects: store_of_objects.clone(),
                pseudonyms: Arc::clone(&pseudonyms),
                masters: Arc::clone(&masters),
            }),
            bulk: Arc::new(Bulk {
                ground: ground.clone(),
                found: found.clone(),
            }),
            found: Arc::new(found),
            reprocess: Arc::new(Reprocess {
                ground: ground.clone(),
            }),
            privacy: Arc::new(Privacy {
                ground: ground.clone(),
                settings: Arc::clone(&settings),
                objects: objects.clone(),
                store_of_objects: store_of_objects.clone(),
                pseudonyms,
                masters: Arc::clone(&masters),
            }),
            commands: Arc::new(Commands {
                ground: ground.clone(),
                settings,
                masters,
            }),
        })
    }
}
