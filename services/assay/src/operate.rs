//! Owns what only the operator does: migrations, topology, the check of the settings.

use std::path::Path;

use anyhow::Context as _;
use bus::rights::TOPOLOGY;
use contract::notice::TopologyApplied;
use contract::time::now;
use process::exit;
use process::settings::postgres::Role;

use crate::cli::TopologyOrder;
use crate::context::Context;
use crate::say::say;
use crate::up::keys::Keys;

pub(crate) async fn migrate(context: &Context) -> anyhow::Result<u8> {
    let url = context.settings.postgres_url(Role::Owner)?;
    let url = url.expose_str().context("postgres.url is no text")?;
    let run = store::migrate::up_unless_restoring(url).await?;
    for migration in &run {
        say!("ran {migration}");
    }
    if run.is_empty() {
        say!("the ledger is up to date");
    }
    Ok(exit::OK)
}

pub(crate) async fn topology(context: &Context, order: &TopologyOrder) -> anyhow::Result<u8> {
    let bus = context.bus_as(TOPOLOGY).await?;
    match order {
        TopologyOrder::Apply {
            replicas,
            who,
            reason,
        } => {
            let applied = bus.apply_topology(replicas.map(usize::from)).await?;
            for name in &applied.created {
                say!("made {name}");
            }
            for name in &applied.updated {
                say!("updated {name}");
            }
            if applied.created.is_empty() && applied.updated.is_empty() {
                say!("the topology is up to date");
            }
            // The stream that it is told to is there now, whatever was before.
            let made = applied.created.iter().map(|name| format!("made {name}"));
            let updated = applied.updated.iter().map(|name| format!("updated {name}"));
            let told = TopologyApplied {
                actor: who.actor.clone(),
                reason: reason.clone(),
                changes: made.chain(updated).collect(),
                at: now(),
            };
            bus.publish(&told).await.context("tell the auditor")?;
        }
        TopologyOrder::Check => {
            bus.check_topology().await?;
            say!("the topology is the one this program needs");
        }
    }
    Ok(exit::OK)
}

pub(crate) fn keys(context: &Context, folder: &Path) -> anyhow::Result<u8> {
    let keys = Keys::make_in(folder, &context.settings.log.origin)?;
    say!("a webhook's secret        {}", keys.webhook.display());
    say!("privacy.pseudonym_key_file {}", keys.pseudonym.display());
    say!("privacy.master_keys: file  {}", keys.master.display());
    say!("log.signing_key_file       {}", keys.log_signing.display());
    say!("log.verifier_key_file      {}", keys.log_verifier.display());
    say!("nats.nkey_seed_file        {}", keys.nats_seed_file());
    say!(
        "the servers' users: `assay nats accounts {}`",
        folder.display()
    );
    say!(
        "the log's origin is {}: the key signs for no other",
        context.settings.log.origin
    );
    Ok(exit::OK)
}
