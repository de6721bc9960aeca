//! Owns the command line: what can be asked for, and where each request goes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use contract::name::{Actor, CommitSha, Repository, Slug};

use crate::backup::Backup;
use crate::check_proof::CheckProof;
use crate::context::Context;
use crate::dead::DeadOrder;
use crate::deployment::DeployOrder;
use crate::doctor::Doctor;
use crate::log::VerifyLog;
use crate::log_key::LogOrder;
use crate::logs::Logs;
use crate::nats::NatsOrder;
use crate::privacy::PrivacyOrders;
use crate::prove::Prove;
use crate::reconcile::Reconcile;
use crate::replay::Replay;
use crate::reprocess::Reprocess;
use crate::restore::Restore;
use crate::retention::RetentionOrder;
use crate::roster::RosterOrder;
use crate::service_name::ServiceName;
use crate::tools::ToolsOrder;
use crate::verify::LocalVerify;
use crate::{
    backup, check_proof, completeness, config, dead, demo, deployment, doctor, lab, log, log_key,
    logs, nats, operate, privacy, prove, reconcile, replay, reprocess, restore, results, retention,
    roster, run, session, status, tools, trace, up, verify,
};

/// Turns git pushes into proven results.
#[derive(Debug, Parser)]
#[command(name = "assay", version, about, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    order: Order,
}

/// Where Assay is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Settings file; else the running `assay up` of the data folder, else ./assay.toml.
    #[arg(long, global = true, env = "ASSAY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Data folder of `assay up`.
    #[arg(long, global = true, env = "ASSAY_DATA", default_value = ".assay")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Run everything in one process, with private servers where none are configured.
    Up,
    /// Run one service as its own process.
    Run {
        /// Which.
        #[arg(value_enum)]
        service: ServiceName,
    },
    /// Show a push's whole way, from webhook to proof, and check it.
    Demo,
    /// Run the ledger's migrations, as its owner.
    Migrate,
    /// What a deployment consists of.
    #[command(subcommand)]
    Deploy(DeployOrder),
    /// Look whether servers, settings and this machine will do; say what to do where not.
    Doctor(Doctor),
    /// The streams and consumers on the bus.
    #[command(subcommand)]
    Topology(TopologyOrder),
    /// The users of NATS: their keys, and the servers' file of their rights.
    #[command(subcommand)]
    Nats(NatsOrder),
    /// Make the keys that a deployment needs, each in a file of its own; keeps those that are there.
    Keys {
        /// The folder to make them in.
        folder: PathBuf,
    },
    /// The settings.
    #[command(subcommand)]
    Config(ConfigOrder),
    /// Labs and their versions.
    #[command(subcommand)]
    Lab(LabOrder),
    /// Sessions: who works on which lab, in which repository.
    #[command(subcommand)]
    Session(SessionOrder),
    /// Sessions for a whole class.
    #[command(subcommand)]
    Roster(RosterOrder),
    /// What is recorded, running, queued, failed, missing.
    Status {
        /// As JSON, for machines.
        #[arg(long)]
        json: bool,
    },
    /// Whether all that was accepted is in the ledger: each ingest's lane, how far it is judged,
    /// what is missing. Exit code 1 when something is missing that nobody has accepted.
    Completeness(completeness::Completeness),
    /// The result that counts, for each session of a lab.
    Results {
        /// The lab's short name.
        #[arg(long)]
        lab: Slug,
        #[command(flatten)]
        form: Form,
    },
    /// A delivery's way through the ledger.
    Trace {
        /// The delivery: our id, the forge's id, or the trace id.
        delivery: String,
        /// As JSON, for machines.
        #[arg(long)]
        json: bool,
    },
    /// Verify attempts again: by result, cause, lab, session, repository, time or delivery.
    Reprocess(Box<Reprocess>),
    /// Compare sources with their forges: deliveries that failed, pushes that made none.
    Reconcile(Box<Reconcile>),
    /// Run a verification again, from the same snapshot and by the same lab version: 0 when it comes
    /// out as before.
    Replay(Replay),
    /// Back the ledger, the objects and the settings up, and the keys to another place.
    Backup(Box<Backup>),
    /// Make the ledger and the objects anew from a backup, into an empty database and object store.
    Restore(Box<Restore>),
    /// Messages that could not be handled.
    #[command(subcommand)]
    Dead(DeadOrder),
    /// What is held of people: shown, held, released, erased.
    #[command(subcommand)]
    Privacy(PrivacyOrders),
    /// What the rules of retention say is over.
    #[command(subcommand)]
    Retention(RetentionOrder),
    /// What the steps of an attempt's verification printed, and how it came out.
    Logs(Logs),
    /// Verify a folder by a lab's, here and without servers: 0 pass, 1 fail, 2 no judgement.
    Verify(LocalVerify),
    /// Folders of tools that labs may name.
    #[command(subcommand)]
    Tools(ToolsOrder),
    /// Prove that an attempt, a verification or a delivery is in the signed log, in a file that
    /// anybody can check.
    Prove(Prove),
    /// Check a proof, without any server: 0 ok, 1 tampered, 2 incomplete, 3 untrusted.
    CheckProof(CheckProof),
    /// The signed log itself: its key.
    #[command(subcommand)]
    Log(LogOrder),
    /// Recompute the whole log, from the database or from a mirror: 0 ok, 1 tampered, 2 incomplete,
    /// 3 untrusted.
    VerifyLog(VerifyLog),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopologyOrder {
    /// Make what is missing and bring the rest up to date.
    Apply {
        /// Copies of each stream. Without it each keeps those that it has, and a new one has 3 in a
        /// cluster and 1 elsewhere.
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=5))]
        replicas: Option<u8>,
        #[command(flatten)]
        who: Who,
        /// Why, for the record.
        #[arg(long, default_value = "bring the broker up to date")]
        reason: String,
    },
    /// Compare the server with what this program needs.
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigOrder {
    /// Read everything that services need, and name what is bad for each.
    Check(config::Check),
}

#[derive(Debug, Subcommand)]
pub(crate) enum LabOrder {
    /// Publish a state of a lab's git repository as its next version.
    Publish {
        /// URL or local path of the repository.
        location: String,
        /// Branch, tag or commit; else the repository's HEAD.
        #[arg(long = "ref", value_name = "REF")]
        reference: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Read a lab's folder: what it asks for, what cannot work, and where results can be forged.
    Check {
        /// The lab's folder, its lab.toml at the root.
        folder: PathBuf,
        /// As JSON, for machines.
        #[arg(long)]
        json: bool,
    },
    /// Every version of every lab.
    List,
    /// A lab's versions and what the newest asks for.
    Show {
        /// The lab's short name.
        lab: Slug,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionOrder {
    /// Tie a repository to a lab's newest version.
    Open {
        /// The lab's short name.
        #[arg(long)]
        lab: Slug,
        /// The repository, as source:owner/name.
        #[arg(long)]
        repository: Repository,
        /// The commit that the learner starts from: it and its history are no attempts.
        #[arg(long)]
        starting: Option<CommitSha>,
        #[command(flatten)]
        who: Who,
    },
}

/// Who gives an order.
#[derive(Clone, Debug, Args)]
pub(crate) struct Who {
    /// Who gives the order, for the record.
    #[arg(long, default_value = "operator")]
    pub(crate) actor: Actor,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Form {
    /// As comma-separated values.
    #[arg(long)]
    pub(crate) csv: bool,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Cli {
    /// Whether it is a service of its own process that waits more than it computes: one thread does
    /// its work, and more of it is done by more processes.
    pub(crate) fn mostly_waits(&self) -> bool {
        let Order::Run { service } = &self.order else {
            return false;
        };
        match service {
            ServiceName::AttemptWriter
            | ServiceName::Verifier
            | ServiceName::Reconciler
            | ServiceName::Auditor
            | ServiceName::StatusReporter => true,
            // They compute: signatures and compression, trees.
            ServiceName::WebhookIngest | ServiceName::SnapshotBuilder => false,
        }
    }

    /// Whether it goes on until it is told to stop.
    pub(crate) fn runs_for_long(&self) -> bool {
        matches!(self.order, Order::Up | Order::Run { .. })
    }

    /// Carries out the order; gives the exit code.
    pub(crate) async fn carry_out(self) -> anyhow::Result<u8> {
        let Self { place, order } = self;
        match order {
            Order::Up => up::up(&place).await,
            Order::Run { service } => run::run(&place, service.into()).await,
            Order::Demo => demo::demo(&place).await,
            Order::Doctor(asked) => doctor::doctor(&Context::of(&place)?, &asked).await,
            Order::Migrate => operate::migrate(&Context::of(&place)?).await,
            Order::Topology(order) => operate::topology(&Context::of(&place)?, &order).await,
            Order::Nats(order) => nats::nats(&order),
            Order::Keys { folder } => operate::keys(&Context::of(&place)?, &folder),
            Order::Config(ConfigOrder::Check(asked)) => {
                config::check(&Context::of(&place)?, &asked)
            }
            Order::Deploy(order) => deployment::deploy(&order),
            // It needs no settings, and no servers.
            Order::Lab(LabOrder::Check { folder, json }) => lab::check::check(&folder, json),
            Order::Lab(order) => lab::lab(&Context::of(&place)?, order).await,
            Order::Session(order) => session::session(&Context::of(&place)?, order).await,
            Order::Roster(order) => roster::roster(&Context::of(&place)?, order).await,
            Order::Status { json } => status::status(&Context::of(&place)?, json).await,
            Order::Completeness(asked) => {
                completeness::completeness(&Context::of(&place)?, asked).await
            }
            Order::Results { lab, form } => {
                results::results(&Context::of(&place)?, &lab, form).await
            }
            Order::Trace { delivery, json } => {
                trace::trace(&Context::of(&place)?, &delivery, json).await
            }
            Order::Reprocess(asked) => reprocess::reprocess(&Context::of(&place)?, *asked).await,
            Order::Reconcile(asked) => reconcile::reconcile(&Context::of(&place)?, *asked).await,
            Order::Replay(asked) => replay::replay(&Context::of(&place)?, asked).await,
            Order::Backup(asked) => backup::backup(&place, *asked).await,
            Order::Restore(asked) => restore::restore(&place, *asked).await,
            Order::Dead(order) => dead::dead(&Context::of(&place)?, order).await,
            Order::Privacy(order) => privacy::privacy(&Context::of(&place)?, order).await,
            Order::Retention(order) => retention::retention(&Context::of(&place)?, order).await,
            Order::Logs(asked) => logs::logs(&Context::of(&place)?, &asked).await,
            Order::Verify(asked) => verify::local(&Context::of(&place)?, &asked).await,
            Order::Tools(order) => tools::tools(&order),
            Order::Prove(asked) => prove::prove(&Context::of(&place)?, &asked).await,
            // It needs no settings, and no servers.
            Order::CheckProof(asked) => Ok(check_proof::check(&asked)),
            Order::Log(order) => log_key::log(&Context::of(&place)?, &order).await,
            Order::VerifyLog(asked) => log::verify(&place, &asked).await,
        }
    }
}
