//! Owns the service's life: what it stands on, its two lanes, its end.

use std::sync::Arc;

use anyhow::Context as _;
use bus::batches::batches;
use bus::consume::{Consumption, each};
use bus::topology::{
    ConsumerSpec, VERIFIER_BULK, VERIFIER_LIVE, VERIFIER_REPLAY, VERIFIER_UNCHECKED,
};
use process::dependency::Dependency;
use process::health::{Gate, Health};
use process::settings::Settings;
use process::settings::service::Service;
use process::settings::work;
use serde_json::json;
use service::ground::Ground;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::company::Company;
use crate::doubt::Doubt;
use crate::machine;
use crate::replay::{REPLAYS_MAX, Replay};
use crate::result::MadeOf;
use crate::sandbox::account::{Account, SLOTS_MAX};
use crate::sandbox::{Bounding, Sandbox, Site};
use crate::slots::{Capacity, Slots};
use crate::tools::{Shelf, ToolError};
use crate::trial::Trials;
use crate::unchecked::{self, Unchecked};
use crate::verify::Verifier;

/// Runs the service until it is told to stop.
///
/// # Errors
/// A bad setting, a machine on which no box can be made, a topology or schema that is not ours, or
/// a consumer that cannot be opened.
pub async fn run(
    settings: &Settings,
    health: &Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let capacity = machine::capacity(&settings.verifier);
    let count = u16::try_from(capacity.runs_max())
        .ok()
        .filter(|&count| count < SLOTS_MAX);
    let count = count.context("verifier.slots is too large")?;
    // Before anything is waited for: without a sandbox there is no service.
    let sandbox_part = health.part("sandbox");
    let sandbox = Sandbox::probe(site(&settings.verifier), Account::of_slot(0)).await?;
    let shelf = shelf(&settings.verifier).await?;
    let sandbox = sandbox.with_shelf(shelf);
    // A slot of its own, after all others.
    let check_slot = count;
    let checked = sandbox.check(check_slot).await;
    checked
        .map_err(|surprise| anyhow::anyhow!("the sandbox does not do as it must: {surprise}"))?;
    sandbox_part.ready();
    let doubt = Arc::new(Doubt::new(sandbox_part));
    let objects = service::objects::open(settings)?;
    let objects_watch = Dependency::new(health.part("objects"));
    let ground = Ground::open(settings, Service::Verifier, health, &stop).await?;
    let version = env!("CARGO_PKG_VERSION");
    let verifier = Arc::new(Verifier {
        ground: ground.clone(),
        objects: objects.clone(),
        objects_watch: objects_watch.clone(),
        runner: format!("assay-verifier/{version} {}", sandbox.identification()),
        sandbox: sandbox.clone(),
        company: Company::default(),
        doubt: Arc::clone(&doubt),
        made_of: made_of(&sandbox),
        trials: Trials::default(),
        allow_executor_none: settings.verifier.allow_executor_none,
        slots: Slots::new(capacity),
        worker: format!("verifier-{}", Uuid::now_v7()),
        stop: stop.clone(),
    });
    let slots = told(capacity);
    let unchecked = Arc::new(Unchecked::new(&verifier));
    let lane = |consumer: &'static ConsumerSpec| Consumption {
        gate: Gate::new(
            ["bus", "ledger", "objects", "sandbox"]
                .map(|name| health.part(name))
                .to_vec(),
        ),
        ..ground.consumption(consumer)
    };
    let watch = async {
        let objects = objects_watch.watch(&stop, async || objects.probe().await);
        let doubt = doubt.watch(&sandbox, check_slot, &stop);
        tokio::join!(ground.watch(), objects, doubt);
        Ok(())
    };
    tokio::try_join!(
        watch,
        each(lane(&VERIFIER_LIVE), slots, Arc::clone(&verifier)),
        // What is taken beyond the lane's own slot waits for one that is free.
        each(lane(&VERIFIER_BULK), slots, Arc::clone(&verifier)),
        // On the heap, so that what holds the loops is small: threads' stacks are.
        Box::pin(batches(
            ground.consumption(&VERIFIER_UNCHECKED),
            unchecked::MESSAGES_MAX,
            unchecked,
        )),
        each(
            lane(&VERIFIER_REPLAY),
            REPLAYS_MAX,
            Arc::new(Replay { verifier })
        ),
    )?;
    Ok(())
}

/// Says what runs may take; gives how many there may be at once.
fn told(capacity: Capacity) -> usize {
    let Capacity { slots, memory_mib } = capacity;
    tracing::info!(
        slots,
        memory_mib,
        "runs of pushes at once, and what they may take"
    );
    slots
}

/// What runs are made of here.
fn made_of(sandbox: &Sandbox) -> MadeOf {
    MadeOf {
        box_of: json!({
            "verifier": env!("CARGO_PKG_VERSION"),
            "sandbox": sandbox.identification(),
            "filter": sandbox.filter_digest(),
            "architecture": std::env::consts::ARCH,
        }),
        tools: json!([]),
    }
}

/// The tools that these settings allow, each read and found to be what it should be.
///
/// # Errors
/// [`ToolError`].
pub async fn shelf(settings: &work::Verifier) -> Result<Shelf, ToolError> {
    let tools = settings.tools.clone();
    let opening = tokio::task::spawn_blocking(move || Shelf::open(&tools));
    opening.await.expect("reading folders does not panic")
}

/// Where these settings have boxes made.
pub fn site(settings: &work::Verifier) -> Site<'_> {
    Site {
        scratch: &settings.scratch_folder,
        system: &[],
        control_group: settings.control_group.as_deref(),
        bounding: if settings.dangerously_run_without_limits {
            Bounding::DangerouslyWaived
        } else {
            Bounding::Required
        },
    }
}
