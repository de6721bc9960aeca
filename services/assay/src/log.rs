//! Owns `assay verify-log`: the whole log recomputed from the database.

use anyhow::Context as _;
use auditor::verify::Depth;
use auditor::verify::verdict::Verdict;
use contract::time::now;
use tlog::key::VerifyingKey;

use crate::context::Context;
use crate::say::say;

pub(crate) async fn verify(
    context: &Context,
    key: Option<String>,
    depth: Depth,
) -> anyhow::Result<u8> {
    let key = verifying_key(context, key)?;
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
