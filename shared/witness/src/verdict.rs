//! Asks the checker, a program of its own, what became of everything.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::process::Command;

/// Culprits that the checker names.
const CULPRITS_MAX: &str = "40";

/// What the checker says.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// Whether nothing is lost, doubled, wrong or unaccounted for.
    pub is_good: bool,
    /// Its figures.
    pub figures: Value,
    /// Its table, for people.
    pub table: String,
}

/// Runs the checker on an account and a ledger whose queues have drained.
///
/// # Errors
/// If it cannot say anything.
pub async fn ask(checker: &Path, account: &Path, ledger: &str) -> Result<Verdict> {
    let run = async |form: &[&str]| {
        let mut command = Command::new(checker);
        command
            .arg("--sent")
            .arg(account)
            .args(["--ledger", ledger, "--expect-results"]);
        command.args(["--culprits", CULPRITS_MAX]).args(form);
        let said = command.output().await.context("run the checker")?;
        if !matches!(said.status.code(), Some(0 | 1)) {
            bail!("the checker: {}", String::from_utf8_lossy(&said.stderr));
        }
        let out = String::from_utf8_lossy(&said.stdout).into_owned();
        Ok((said.status.success(), out))
    };
    let (is_good, table) = run(&[]).await?;
    let (_, json) = run(&["--json"]).await?;
    Ok(Verdict {
        is_good,
        figures: serde_json::from_str(&json).context("understand the checker")?,
        table,
    })
}
