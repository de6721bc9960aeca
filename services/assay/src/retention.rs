//! Owns `assay retention`: what the rules say is over goes, or is only counted.

use clap::Subcommand;
use contract::command::privacy::RetentionRequested;
use contract::ids::CommandId;
use process::exit;

use crate::cli::Who;
use crate::command::{Outcome, send};
use crate::context::Context;
use crate::say::say;

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionOrder {
    /// Remove what the rules say is over: the labs', and [retention]'s where a lab has none.
    Run {
        /// Only say what would go.
        #[arg(long)]
        plan: bool,
        /// Why, for the record.
        #[arg(long, default_value = "the rules of retention")]
        reason: String,
        /// As JSON, for machines.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        who: Who,
    },
}

pub(crate) async fn retention(context: &Context, order: RetentionOrder) -> anyhow::Result<u8> {
    let RetentionOrder::Run {
        plan,
        reason,
        json,
        who,
    } = order;
    let order = RetentionRequested {
        command: CommandId::new(),
        actor: who.actor,
        reason,
        plan,
    };
    match send(context, order.command, &order).await? {
        Outcome::Accepted(over) if json => say!("{over:#}"),
        Outcome::Accepted(over) => {
            say!(
                "{}: {} raw bodies, {} logs, {} snapshots",
                if plan { "would go" } else { "removed" },
                over["raw_bodies"],
                over["logs"],
                over["snapshots"],
            );
        }
        Outcome::Refused(reason) => {
            eprintln!("refused: {reason}");
            return Ok(exit::FAILED);
        }
    }
    Ok(exit::OK)
}
