//! Owns the watching of an order to reprocess, until everything that it asked for is judged.

use contract::ids::CommandId;
use contract::reprocess::ReprocessRequested;
use process::exit;
use retry::delays::Delays;
use retry::policy::START;
use serde_json::{Value, json};
use store::command;
use store::reprocess::order::{self, Progress};

use crate::context::Context;
use crate::say::say;

/// Follows an order to its end. Whoever leaves early leaves it running.
pub(super) async fn until_judged(
    context: &Context,
    id: CommandId,
    as_json: bool,
) -> anyhow::Result<u8> {
    let mut ledger = context.reader().await?;
    let row = command::find(&mut ledger, id).await?;
    let is_order = |row: &command::CommandRow| {
        row.kind == ReprocessRequested::TOKEN && row.outcome == "accepted"
    };
    let Some(row) = row.filter(is_order) else {
        eprintln!("{id} is no accepted order to reprocess");
        return Ok(exit::FAILED);
    };
    let attempts = row.result.as_ref().map_or(0, attempts);
    let mut delays = Delays::new(&START);
    let mut said = None;
    loop {
        // First the end, then how far it has come: nothing is added between the two.
        let finished = order::finished(&mut ledger, id).await?;
        let progress = order::progress(&mut ledger, id).await?;
        if !as_json && said != Some(progress) {
            show(attempts, &progress);
            said = Some(progress);
        }
        if let Some(entry) = finished.filter(|_| progress.waiting == 0) {
            let entry: Value = serde_json::from_str(&entry)?;
            end(id, attempts, &progress, &entry, as_json)?;
            return Ok(exit::OK);
        }
        tokio::time::sleep(delays.next()).await;
    }
}

fn attempts(result: &Value) -> i64 {
    result["attempts"].as_i64().unwrap_or(0)
}

fn show(attempts: i64, progress: &Progress) {
    let Progress {
        requests,
        passed,
        failed,
        errors,
        waiting,
    } = progress;
    let judged = requests - waiting;
    say!(
        "asked for {requests} of {attempts}, judged {judged}: \
         {passed} passed, {failed} failed, {errors} could not be judged"
    );
}

fn end(
    id: CommandId,
    attempts: i64,
    progress: &Progress,
    entry: &Value,
    as_json: bool,
) -> anyhow::Result<()> {
    let stopped = entry["assay.stopped"] == true;
    if as_json {
        let said = json!({
            "command": id, "attempts": attempts, "stopped": stopped, "progress": progress,
        });
        say!("{}", serde_json::to_string_pretty(&said)?);
    } else if stopped {
        say!("stopped");
    } else {
        say!("done");
    }
    Ok(())
}
