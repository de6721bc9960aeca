//! Owns `assay privacy`: what is held of people is shown, held, released and erased. Each is an order
//! through the queue, recorded before anything is shown; what is sealed is opened here alone, with
//! the master keys of the settings.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use attempt_writer::privacy::export;
use attempt_writer::seal::MasterKeys;
use clap::{Args, Subcommand};
use contract::command::privacy::{PEOPLE_MAX, PrivacyOrder, PrivacyOrdered, RewrapRequested};
use contract::ids::{CommandId, PrincipalId};
use process::exit;
use process::settings::postgres::Role;
use serde_json::Value;
use store::pool::Connection;

use crate::cli::Who;
use crate::command::{Outcome, send};
use crate::context::Context;
use crate::say::say;
use crate::up::keys;

#[derive(Debug, Subcommand)]
pub(crate) enum PrivacyOrders {
    /// Write everything that is held of people, opened, as JSON. The order is recorded first.
    Export {
        #[command(flatten)]
        about: About,
        /// The file to write it to, readable by its owner alone; else it is printed.
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
    /// Destroy people's keys and remove everything that is theirs, for ever. Rows, counts and proofs
    /// stay, and say so.
    Erase {
        #[command(flatten)]
        about: About,
        /// Only say what would go.
        #[arg(long)]
        plan: bool,
        /// As JSON, for machines.
        #[arg(long)]
        json: bool,
    },
    /// Put people under a legal hold: nothing of theirs is erased, and nothing expires.
    Hold {
        #[command(flatten)]
        about: About,
    },
    /// End people's legal hold.
    Release {
        #[command(flatten)]
        about: About,
    },
    /// Wrap every person's key by the first of the settings' master keys, so that the others can go.
    Rewrap {
        /// Why, for the record.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        who: Who,
    },
}

/// Whom an order is about, and why.
#[derive(Clone, Debug, Args)]
pub(crate) struct About {
    /// Pseudonyms' ids; or provider:login, as github:octo; or git:address of a commit's author.
    #[arg(required = true, num_args = 1..=PEOPLE_MAX)]
    people: Vec<String>,
    /// Why, for the record. It is kept for ever: name nobody.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    who: Who,
}

pub(crate) async fn privacy(context: &Context, order: PrivacyOrders) -> anyhow::Result<u8> {
    match order {
        PrivacyOrders::Export { about, output } => export_them(context, about, output).await,
        PrivacyOrders::Erase { about, plan, json } => {
            let outcome = give(context, &about, PrivacyOrder::Erase, plan).await?;
            tell(outcome, |gone| erased(gone, plan, json))
        }
        PrivacyOrders::Hold { about } => {
            let outcome = give(context, &about, PrivacyOrder::Hold, false).await?;
            tell(outcome, |held| say!("held: {}", ids(held)))
        }
        PrivacyOrders::Release { about } => {
            let outcome = give(context, &about, PrivacyOrder::Release, false).await?;
            tell(outcome, |released| say!("released: {}", ids(released)))
        }
        PrivacyOrders::Rewrap { reason, who } => {
            let order = RewrapRequested {
                command: CommandId::new(),
                actor: who.actor,
                reason,
            };
            let outcome = send(context, order.command, &order).await?;
            tell(outcome, |done| {
                say!(
                    "{} keys are wrapped anew by {}",
                    done["rewrapped"],
                    done["master_key"].as_str().unwrap_or_default()
                );
            })
        }
    }
}

async fn export_them(
    context: &Context,
    about: About,
    output: Option<PathBuf>,
) -> anyhow::Result<u8> {
    let masters = masters(context)?;
    let people = match give(context, &about, PrivacyOrder::Export, false).await? {
        Outcome::Accepted(result) => people_of(&result)?,
        Outcome::Refused(reason) => {
            eprintln!("refused: {reason}");
            return Ok(exit::FAILED);
        }
    };
    let (mut sealed, mut ledger) = (sealed(context).await?, context.reader().await?);
    let held = export::export(&mut sealed, &mut ledger, &masters, &people).await?;
    let text = serde_json::to_string_pretty(&held)?;
    match output {
        Some(file) => {
            keys::write(&file, &text)?;
            say!("what is held of {} is in {}", ids(&held), file.display());
        }
        None => say!("{text}"),
    }
    Ok(exit::OK)
}

async fn give(
    context: &Context,
    about: &About,
    order: PrivacyOrder,
    plan: bool,
) -> anyhow::Result<Outcome> {
    if about.reason.trim().is_empty() {
        bail!("a reason is missing: --reason");
    }
    let reason = about.reason.to_lowercase();
    let called = about.people.iter().filter_map(|text| text.split_once(':'));
    for (_, name) in called {
        if !name.is_empty() && reason.contains(&name.to_lowercase()) {
            bail!("the reason names the person, and reasons are kept for ever: say it otherwise");
        }
    }
    let order = PrivacyOrdered {
        command: CommandId::new(),
        actor: about.who.actor.clone(),
        order,
        people: resolve(context, &about.people).await?,
        reason: about.reason.clone(),
        plan,
    };
    send(context, order.command, &order).await
}

/// The pseudonyms that are meant. What people are called never leaves this process.
async fn resolve(context: &Context, called: &[String]) -> anyhow::Result<Vec<PrincipalId>> {
    let mut people = Vec::with_capacity(called.len());
    for text in called {
        if let Ok(id) = text.parse() {
            people.push(id);
            continue;
        }
        let Some((provider, name)) = text.split_once(':') else {
            bail!("{text:?} is neither a pseudonym's id nor written provider:login");
        };
        let mut conn = sealed(context).await?;
        let found = export::find(&mut conn, &masters(context)?, provider, name).await?;
        match found.as_slice() {
            [person] => people.push(*person),
            [] => bail!(
                "nobody of {provider} is called that: nothing is held, or they were erased \
                 (`assay trace` shows the pseudonyms of a push)"
            ),
            several => bail!("several are called that: name one of {several:?}"),
        }
    }
    Ok(people)
}

fn masters(context: &Context) -> anyhow::Result<MasterKeys> {
    Ok(MasterKeys::new(&context.settings.master_keys()?))
}

/// A connection that may read what is sealed.
async fn sealed(context: &Context) -> anyhow::Result<Connection> {
    context
        .connection(Role::Privacy)
        .await
        .context("read what is sealed")
}

fn people_of(result: &Value) -> anyhow::Result<Vec<PrincipalId>> {
    Ok(serde_json::from_value(result["people"].clone())?)
}

fn ids(told: &Value) -> String {
    let people = told["people"].as_array().cloned().unwrap_or_default();
    let id = |person: &Value| {
        let id = person.as_str().or_else(|| person["id"].as_str());
        id.unwrap_or_default().to_owned()
    };
    people.iter().map(id).collect::<Vec<_>>().join(", ")
}

fn erased(gone: &Value, plan: bool, as_json: bool) {
    if as_json {
        say!("{gone:#}");
        return;
    }
    say!(
        "{}: {}",
        if plan { "would be erased" } else { "erased" },
        ids(gone)
    );
    for (key, what) in [
        ("raw_bodies", "raw bodies"),
        ("snapshots", "snapshots"),
        ("logs", "logs"),
        ("dead_letters", "dead letters"),
    ] {
        say!("  {what}: {}", gone[key]);
    }
    if !plan {
        say!("Git caches go within a minute, on each machine. What disks and backups keep:");
        say!("see OPERATIONS, \"Erasure\".");
    }
}

fn tell(outcome: Outcome, done: impl FnOnce(&Value)) -> anyhow::Result<u8> {
    match outcome {
        Outcome::Accepted(result) => {
            done(&result);
            Ok(exit::OK)
        }
        Outcome::Refused(reason) => {
            eprintln!("refused: {reason}");
            Ok(exit::FAILED)
        }
    }
}
