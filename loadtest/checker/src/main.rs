#![doc = include_str!("../README.md")]

mod judge;
mod ledger;
mod sent;
mod verdict;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::judge::{Drained, judge};
use crate::ledger::Ledger;
use crate::sent::Account;

/// Nothing could be said: the account or the ledger cannot be read.
const EXIT_UNREADABLE: u8 = 2;

/// Holds what was sent and answered against the ledger's tables: 0 all is there, once; 1 something
/// is lost, doubled, wrong or not accounted for; 2 the account or the ledger cannot be read.
#[derive(Debug, Parser)]
#[command(name = "assay-checker", version)]
struct Cli {
    /// The account of what was sent and answered, as JSON lines.
    #[arg(long, value_name = "FILE")]
    sent: PathBuf,
    /// The ledger, as a role that may read it: postgres://assay_reader@host/assay.
    #[arg(long, value_name = "URL", env = "ASSAY_LEDGER", hide_env_values = true)]
    ledger: String,
    /// The queues have drained: every request must have a result, every entry its leaf.
    #[arg(long)]
    expect_results: bool,
    /// Write JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Name so many culprits.
    #[arg(long, default_value_t = 20)]
    culprits: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match check(&Cli::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("assay-checker: {error:#}");
            ExitCode::from(EXIT_UNREADABLE)
        }
    }
}

async fn check(cli: &Cli) -> Result<bool> {
    let account = Account::read(&cli.sent)?;
    let ledger = Ledger::read(&cli.ledger).await?;
    let drained = if cli.expect_results {
        Drained::Yes
    } else {
        Drained::NotYet
    };
    let verdict = judge(&account, &ledger, drained);
    if cli.json {
        println!("{:#}", verdict.json(cli.culprits));
    } else {
        print!("{}", verdict.table(cli.culprits));
    }
    Ok(verdict.is_good())
}
