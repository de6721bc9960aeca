//! Owns `assay verify-log`: the whole log recomputed, from the database, from a mirror, or both
//! held against each other.

use std::path::PathBuf;

use anyhow::Context as _;
use auditor::verify::Depth;
use auditor::verify::verdict::Verdict;
use clap::Args;
use contract::time::now;
use process::exit;
use process::settings::error::SettingsError;
use tlog::key::VerifyingKey;

use crate::cli::Place;
use crate::context::Context;
use crate::say::say;

mod against;
mod mirror;
mod web;

/// What is checked.
#[derive(Debug, Args)]
pub(crate) struct VerifyLog {
    /// The key to trust, as `assay up` prints it; else the settings'.
    #[arg(long)]
    key: Option<String>,
    /// The log's name, as you pinned it; else the key's.
    #[arg(long, requires = "mirror")]
    origin: Option<String>,
    /// Check this copy of the log instead of the database: a folder, or http://…/log of an auditor.
    #[arg(long)]
    mirror: Option<String>,
    /// A checkpoint that was kept: the mirror's log must begin with what it signed. As often as
    /// there are some.
    #[arg(long, requires = "mirror")]
    since: Vec<PathBuf>,
    /// Also hold each ledger row against the digest that was logged of it, and find rows that were
    /// never logged; beside --mirror, each of its leaves against the database's.
    #[arg(long)]
    ledger: bool,
}

/// Gives the verdict's exit code; where there is no verdict, one that no verdict has.
pub(crate) async fn verify(place: &Place, asked: &VerifyLog) -> anyhow::Result<u8> {
    match checked(place, asked).await {
        Err(error) if !error.chain().any(|cause| cause.is::<SettingsError>()) => {
            eprintln!("assay: {error:#}");
            Ok(exit::TRY_LATER)
        }
        code => code,
    }
}

async fn checked(place: &Place, asked: &VerifyLog) -> anyhow::Result<u8> {
    let Some(location) = &asked.mirror else {
        return ledger(&Context::of(place)?, asked).await;
    };
    let key = match &asked.key {
        Some(key) => key.clone(),
        None => verifying_key(&Context::of(place)?, None)?
            .as_str()
            .to_owned(),
    };
    let context = asked.ledger.then(|| Context::of(place)).transpose()?;
    let code = mirror::verify(location, &key, asked, context.as_ref()).await?;
    match context {
        Some(context) if code == exit::OK => ledger(&context, asked).await,
        _ => Ok(code),
    }
}

async fn ledger(context: &Context, asked: &VerifyLog) -> anyhow::Result<u8> {
    let depth = if asked.ledger {
        Depth::Rows
    } else {
        Depth::Log
    };
    let key = verifying_key(context, asked.key.clone())?;
    let mut ledger = context.reader().await?;
    let report = auditor::verify::verify(&mut ledger, &key, depth, now()).await?;
    say!(
        "{}\n  log {}: {} leaves and {} checkpoints found good, {} leaves signed, {} entries waiting",
        report.verdict,
        report.origin,
        report.leaves,
        report.checkpoints,
        report.signed,
        report.pending,
    );
    if depth == Depth::Rows {
        say!("  {} ledger rows found as they were logged", report.rows);
    }
    if report.verdict != Verdict::Intact {
        say!("  checked with the key {}", key.as_str());
    }
    Ok(report.verdict.exit_code())
}

/// The key to trust: the one given, else the settings'.
pub(crate) fn verifying_key(
    context: &Context,
    given: Option<String>,
) -> anyhow::Result<VerifyingKey> {
    let text = match given {
        Some(text) => text,
        None => context
            .settings
            .log_verifier_key()?
            .context("no key to trust: give --key, or set log.verifier_key_file")?,
    };
    text.parse().context("read the log's verifier key")
}
