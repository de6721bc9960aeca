//! Owns the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::fleet::cli::FleetOrder;
use crate::shape::Bodies;
use crate::target::Elsewhere;
use crate::traffic::Shares;

/// Sends pushes to a house as forges do, and knows what must be there afterwards. Exits with 0 if
/// it is; 1 if something is lost, doubled, wrong or not done; 2 if it could not be tried; 3 if it is
/// worse than the baseline.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, arg_required_else_help = true)]
pub struct Cli {
    /// What is done.
    #[command(subcommand)]
    pub order: Order,
}

/// What is done.
#[derive(Clone, Debug, Subcommand)]
pub enum Order {
    /// Deliveries all at once, over few connections.
    Burst {
        /// How many.
        #[arg(long, default_value_t = 10_000)]
        count: u64,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// One rate, whether or not it is answered; latency counts from when each was to be sent.
    Steady {
        /// Deliveries a second.
        #[arg(long, default_value_t = 200.0)]
        rate: f64,
        /// For so many seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// Rising rates, until 99 of 100 answers do not come in time: the highest that holds.
    Ramp {
        /// The first rate, a second; each step is a quarter higher.
        #[arg(long, default_value_t = 100.0)]
        from: f64,
        /// The highest that is tried.
        #[arg(long, default_value_t = 20_000.0)]
        to: f64,
        /// Seconds of each step.
        #[arg(long, default_value_t = 10)]
        step_seconds: u64,
        /// Milliseconds within which 99 of 100 answers must come.
        #[arg(long, default_value_t = 25.0)]
        p99_ms: f64,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// One rate for hours; memory and backlog are in the report.
    Soak {
        /// Deliveries a second.
        #[arg(long, default_value_t = 50.0)]
        rate: f64,
        /// For so many hours.
        #[arg(long, default_value_t = 4.0)]
        hours: f64,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// A classroom before its deadline: rates that rise to the end, repeats, forced pushes.
    Deadline {
        /// Deliveries in all.
        #[arg(long, default_value_t = 20_000)]
        count: u64,
        /// Seconds to the deadline.
        #[arg(long, default_value_t = 120)]
        seconds: u64,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// A file of recorded deliveries: JSON lines of at_ms, delivery, event and body.
    Replay {
        /// The file.
        file: PathBuf,
        /// How many times faster than it was recorded.
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// One push at a time, with real commits, fetched and run in a box: from the send to the result.
    Single {
        /// Pushes.
        #[arg(long, default_value_t = 50)]
        count: u64,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// What all services use together while nothing comes.
    Idle {
        /// Seconds that are looked at.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// What is asked of a fleet.
    #[command(flatten)]
    Fleet(FleetOrder),
    /// What this machine can do at most, and what of it we use.
    Limits {
        /// Deliveries of each measurement.
        #[arg(long, default_value_t = 10_000)]
        count: u64,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// The rates of a ledger that has grown beside those of an empty one.
    Growth {
        /// Attempts that the ledger is filled with: copies of those that were measured.
        #[arg(long, default_value_t = 10_000_000)]
        attempts: u64,
        /// Deliveries of each measurement: ten of each ledger.
        #[arg(long, default_value_t = 20_000)]
        count: u64,
        /// A setting of Postgres, perhaps several times; without any, those of a server that has the
        /// machine for itself: two fifths of its memory as shared_buffers, max_wal_size=12GB,
        /// wal_compression=lz4 (some are built without lz4: give settings then).
        #[arg(long = "postgres", value_name = "NAME=VALUE")]
        postgres: Vec<String>,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// Collect what benches handed over into one summary: see the README.
    Summary {
        /// The folder that they wrote into.
        #[arg(
            long,
            default_value = "target/bench/figures",
            env = "ASSAY_BENCH_FIGURES"
        )]
        figures: PathBuf,
        /// The summary.
        #[arg(long, default_value = "target/bench/summary.json")]
        out: PathBuf,
    },
    /// Answers everything 202 at once: what an HTTP server costs that does nothing.
    #[command(hide = true)]
    EmptyHandler,
}

/// What every workload can be told.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// What every choice comes from: the same seed sends the same bytes.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How large pushes are: `real`, `fixed:<bytes>:<commits>`, or `paths:<bytes>:<commits>`, whose bytes
    /// are all paths that the commits changed.
    #[arg(long, default_value = "real")]
    pub bodies: Bodies,
    /// Earlier deliveries again, in percent.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=50))]
    pub duplicates: u32,
    /// Bad signatures, in percent.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub bad_signatures: u32,
    /// Pings, and events that nobody wants, in percent.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub other_events: u32,
    /// Forced pushes, in percent.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub forced: u32,
    /// Repositories that push in turn.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub repositories: u64,
    /// Connections over which is sent what is sent at once.
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Where the reports are left.
    #[arg(long, default_value = "target/loadtest")]
    pub out: PathBuf,
    /// How long the queues may take to drain, in seconds.
    #[arg(long, default_value_t = 900)]
    pub drain_seconds: u64,
    /// Keep this run's figures in this file, for later runs to be compared with.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Say what became worse than in this file, and exit with 3 if anything did.
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// How much worse counts as noise, in percent.
    #[arg(long, default_value_t = 15.0)]
    pub noise_percent: f64,
    /// Hand the figures over to `make bench`, under these names in place of the workload's.
    #[arg(long, value_name = "NAME")]
    pub bench: Option<String>,
    /// How often it is measured at most: again, in a house of its own, as long as others had more than one
    /// percent of the processors' time meanwhile. The last time counts. Of `limits` it is the half rate alone;
    /// a fleet and growth are measured once.
    #[arg(long, default_value_t = 1, conflicts_with = "url", value_parser = clap::value_parser!(u32).range(1..=10))]
    pub tries: u32,
    /// Show no progress.
    #[arg(long)]
    pub quiet: bool,
    /// Somebody else's house.
    #[command(flatten)]
    pub elsewhere: Elsewhere,
}

impl Order {
    /// How often the whole of it is done at most.
    pub fn tries(&self) -> u32 {
        match self {
            Self::Burst { common, .. }
            | Self::Steady { common, .. }
            | Self::Soak { common, .. }
            | Self::Ramp { common, .. }
            | Self::Deadline { common, .. }
            | Self::Replay { common, .. }
            | Self::Single { common, .. }
            | Self::Idle { common, .. } => common.tries,
            _ => 1,
        }
    }
}

impl Common {
    /// What of the traffic is no push of its own.
    pub fn shares(&self) -> Shares {
        Shares {
            duplicates: self.duplicates,
            bad_signatures: self.bad_signatures,
            other_events: self.other_events,
            forced: self.forced,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
