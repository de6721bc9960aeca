//! Owns what the command line asks of a fleet.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::cli::Common;
use crate::fleet::bench::{self, Loads};
use crate::fleet::trouble::Trouble;
use crate::fleet::{Size, orders, streams};

/// What is asked of a fleet.
#[derive(Clone, Debug, Subcommand)]
pub enum FleetOrder {
    /// Every process of every service restarted in turn under load, behind haproxy, on a cluster of
    /// three; then the log's leader is killed.
    Roll {
        /// The fleet.
        #[command(flatten)]
        fleet: FleetArgs,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// Servers of a cluster of three killed, paused, cut off, and leaders moved, under load.
    Cluster {
        /// The fleet.
        #[command(flatten)]
        fleet: FleetArgs,
        /// Give each server a network of its own, so that one can be cut off (root alone can).
        #[arg(long)]
        apart: bool,
        /// What is done; everything, if it is not given.
        #[arg(long, value_enum)]
        trouble: Vec<Trouble>,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// The same load on fleets of several sizes, on a cluster of three, in one table.
    Scale {
        /// Processes of each service, one size after the other.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4])]
        replicas: Vec<u8>,
        /// Deliveries of the burst.
        #[arg(long, default_value_t = 10_000)]
        count: u64,
        /// Deliveries a second of the steady load.
        #[arg(long, default_value_t = 100.0)]
        rate: f64,
        /// Seconds of the steady load.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
        /// A page with marks that the table is written between.
        #[arg(long, value_name = "FILE")]
        page: Option<PathBuf>,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
    /// How far one stream goes, of one copy and of three, on a cluster of three.
    Streams {
        /// Messages of each measurement.
        #[arg(long, default_value_t = 10_000)]
        count: u64,
        /// What every workload can be told.
        #[command(flatten)]
        common: Common,
    },
}

/// How large a fleet is, and its load.
#[derive(Clone, Copy, Debug, Args)]
pub struct FleetArgs {
    /// Processes of each service.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub replicas: u8,
    /// Deliveries a second.
    #[arg(long, default_value_t = 100.0)]
    pub rate: f64,
}

impl FleetArgs {
    fn size(self, apart: bool) -> Size {
        Size {
            replicas: usize::from(self.replicas),
            apart,
        }
    }
}

/// Carries out what is asked of a fleet; gives the exit code.
///
/// # Errors
/// What stands in the way.
pub(crate) async fn carry_out(order: FleetOrder, stop: &CancellationToken) -> Result<u8> {
    match order {
        FleetOrder::Roll { fleet, common } => {
            orders::roll(fleet.size(false), fleet.rate, &common, stop).await
        }
        FleetOrder::Cluster {
            fleet,
            apart,
            trouble,
            common,
        } => {
            let wanted = match trouble.is_empty() {
                true => Trouble::ALL.to_vec(),
                false => trouble,
            };
            let load = (fleet.rate, wanted.as_slice());
            orders::trouble(fleet.size(apart), load, &common, stop).await
        }
        FleetOrder::Scale {
            replicas,
            count,
            rate,
            seconds,
            page,
            common,
        } => {
            let loads = Loads {
                count,
                rate,
                seconds,
            };
            let sizes: Vec<usize> = replicas.into_iter().map(usize::from).collect();
            bench::scale(&sizes, loads, page.as_deref(), &common, stop).await
        }
        FleetOrder::Streams { count, common } => {
            let traffic = streams::traffic(&common).await?;
            streams::streams(&traffic, count, &common, stop).await
        }
    }
}
