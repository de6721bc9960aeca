//! Owns `assay reprocess`: have attempts verified again, see first which, watch it, stop it.

mod chosen;
mod watch;

use clap::{Args, Subcommand, ValueEnum};
use contract::ids::CommandId;
use contract::reprocess::{ReprocessRequested, ReprocessStopRequested, Selection, VersionChoice};
use contract::time::{now, to_text};
use process::exit;
use serde_json::{Value, json};
use store::pool::Connection;
use store::reprocess::{self, Sampled};

use crate::cli::Who;
use crate::command::{Outcome, send};
use crate::context::Context;
use crate::reprocess::chosen::{Chosen, selection};
use crate::say::say;
use crate::table::{short, table};

/// Attempts that a plan shows.
const SAMPLE_MAX: i64 = 10;

/// What `assay reprocess` is asked for.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Reprocess {
    #[command(subcommand)]
    order: Option<ReprocessOrder>,
    #[command(flatten)]
    chosen: Chosen,
    /// Whose checks: the lab version of the session, or the lab's newest.
    #[arg(long, value_enum, default_value_t = Checks::Current)]
    lab_version: Checks,
    /// Why, for the record; no personal data.
    #[arg(long, default_value = "")]
    reason: String,
    /// Most attempts a second, as 50 or 50/s.
    #[arg(long, value_parser = rate)]
    rate: Option<u32>,
    /// Most attempts in all, the earliest received first.
    #[arg(long)]
    limit: Option<u64>,
    /// Only say how many there are, and show some; change nothing.
    #[arg(long)]
    plan: bool,
    /// Do not wait for the results.
    #[arg(long)]
    detach: bool,
    /// As JSON, for machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, Subcommand)]
enum ReprocessOrder {
    /// Ask for nothing more on behalf of an order; what it asked for already is verified.
    Stop {
        /// The order.
        command: CommandId,
        /// Why, for the record.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        who: Who,
    },
    /// Follow an order that was given before.
    Watch {
        /// The order.
        command: CommandId,
        /// As JSON, for machines.
        #[arg(long)]
        json: bool,
    },
}

/// Whose checks are run.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Checks {
    Current,
    Newest,
}

fn rate(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    let rate = number.parse().ok().filter(|rate| *rate > 0);
    rate.ok_or_else(|| format!("{text:?} is no rate: write 50/s"))
}

pub(crate) async fn reprocess(context: &Context, asked: Reprocess) -> anyhow::Result<u8> {
    match asked.order {
        Some(ReprocessOrder::Stop {
            command,
            reason,
            who,
        }) => stop(context, command, reason, who).await,
        Some(ReprocessOrder::Watch { command, json }) => {
            watch::until_judged(context, command, json).await
        }
        None => begin(context, asked).await,
    }
}

async fn begin(context: &Context, asked: Reprocess) -> anyhow::Result<u8> {
    let mut ledger = context.reader().await?;
    let selection = selection(context, &mut ledger, &asked.chosen).await?;
    if selection.is_everything() {
        eprintln!("say which attempts: --result, --lab, --since and others narrow it down");
        return Ok(exit::BAD_SETTING);
    }
    if asked.plan {
        return plan(&mut ledger, &selection, &asked).await;
    }
    if asked.reason.trim().is_empty() {
        eprintln!("say why, for the record: --reason");
        return Ok(exit::BAD_SETTING);
    }
    drop(ledger);
    let command = CommandId::new();
    let order = ReprocessRequested {
        command,
        actor: asked.who.actor,
        selection,
        lab_version: match asked.lab_version {
            Checks::Current => VersionChoice::Current,
            Checks::Newest => VersionChoice::Newest,
        },
        reason: asked.reason,
        rate_per_second: asked.rate,
        limit: asked.limit,
    };
    match send(context, command, &order).await? {
        Outcome::Refused(reason) => {
            eprintln!("refused: {reason}");
            Ok(exit::FAILED)
        }
        Outcome::Accepted(result) if asked.detach => {
            accepted(command, &result, asked.json)?;
            Ok(exit::OK)
        }
        Outcome::Accepted(result) => {
            if !asked.json {
                accepted(command, &result, false)?;
                say!("it goes on without this command; `assay reprocess stop {command}` ends it");
            }
            watch::until_judged(context, command, asked.json).await
        }
    }
}

fn accepted(command: CommandId, result: &Value, as_json: bool) -> anyhow::Result<()> {
    let attempts = &result["attempts"];
    if as_json {
        let said = json!({ "command": command, "attempts": attempts });
        say!("{}", serde_json::to_string_pretty(&said)?);
    } else {
        say!("accepted: {attempts} attempts, command {command}");
    }
    Ok(())
}

async fn plan(
    ledger: &mut Connection,
    selection: &Selection,
    asked: &Reprocess,
) -> anyhow::Result<u8> {
    let as_of = now();
    let meant = reprocess::count(ledger, selection, as_of).await?;
    let limit = asked.limit.and_then(|limit| i64::try_from(limit).ok());
    let attempts = limit.map_or(meant, |limit| limit.min(meant));
    let sample_max = SAMPLE_MAX.min(attempts);
    let sample = reprocess::sample(ledger, selection, as_of, sample_max).await?;
    if asked.json {
        let said = json!({
            "attempts": attempts, "as_of": to_text(as_of), "selection": selection,
            "sample": sample,
        });
        say!("{}", serde_json::to_string_pretty(&said)?);
        return Ok(exit::OK);
    }
    say!("{attempts} attempts would be verified again; nothing was changed");
    if !sample.is_empty() {
        show(&sample);
    }
    Ok(exit::OK)
}

fn show(sample: &[Sampled]) {
    let mut shown = table(&["repository", "commit", "received", "result", "cause"]);
    for row in sample {
        shown.add_row([
            row.repository.clone(),
            short(&row.commit_sha),
            to_text(row.received_at),
            row.result.clone().unwrap_or_else(|| "none".to_owned()),
            row.cause.clone().unwrap_or_default(),
        ]);
    }
    say!("{shown}");
}

async fn stop(context: &Context, stops: CommandId, reason: String, who: Who) -> anyhow::Result<u8> {
    let command = CommandId::new();
    let order = ReprocessStopRequested {
        command,
        actor: who.actor,
        stops,
        reason,
    };
    match send(context, command, &order).await? {
        Outcome::Accepted(_) => {
            say!("accepted: {stops} asks for nothing more");
            Ok(exit::OK)
        }
        Outcome::Refused(reason) => {
            eprintln!("refused: {reason}");
            Ok(exit::FAILED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn a_rate_is_a_number_a_second() {
        assert_eq!((rate("50"), rate("1/s")), (Ok(50), Ok(1)));
        for bad in ["", "0", "0/s", "/s", "-1", "1/m", "5 /s", "4294967296"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }
}
