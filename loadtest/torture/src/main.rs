//! Tortures a house for minutes: `torture --seed 7 --minutes 30`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use torture::deck::Tier;
use torture::driver::Load;
use torture::kills::Pace;
use torture::learners::Class;
use torture::run::Run;
use witness::dice::Seed;

/// How long the queues may take to drain after a run, in seconds.
const DRAIN_SECS_MAX: u64 = 900;

/// Kills processes and servers while pushes come in, then asks the checker whether anything was
/// lost or done twice. Exits with 0 only if not.
#[derive(Debug, Parser)]
#[command(name = "torture", version)]
struct Cli {
    /// What every choice comes from; drawn and printed when it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// How long things are done to the house.
    #[arg(long, default_value_t = 5)]
    minutes: u64,
    /// Where the account and the reports are left.
    #[arg(long, default_value = "target/torture")]
    out: PathBuf,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let seed = cli.seed.unwrap_or_else(|| rand::random::<u32>().into());
    std::fs::create_dir_all(&cli.out).context("make the folder of the reports")?;
    let run = Run {
        seed: Seed(seed),
        tier: Tier::Long,
        lasts: Duration::from_secs(cli.minutes * 60),
        load: Load {
            senders: 8,
            pause_ms_max: 500,
        },
        class: Class {
            learners: 6,
            pushes_max: u64::MAX,
            pause_ms_max: 16_000,
            silent_max: u64::MAX,
        },
        pace: Pace {
            pause_ms_max: 500,
            empty_ms_max: 300,
            wait_ms_max: 1_500,
        },
        fault_pause_ms_max: 6_000,
        fault_max: Duration::from_millis(2_500),
        drain_max: Duration::from_secs(DRAIN_SECS_MAX),
        command: format!("make torture SEED={seed} MINUTES={}", cli.minutes),
    };
    let report = run.carry_out(&cli.out.join("sent.jsonl")).await?;
    println!("{}", report.verdict.table);
    let page = report.page();
    std::fs::write(cli.out.join("report.md"), &page)?;
    std::fs::write(
        cli.out.join("report.json"),
        format!("{:#}\n", report.json()),
    )?;
    println!("{page}");
    println!("the report is in {}", cli.out.display());
    Ok(if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
