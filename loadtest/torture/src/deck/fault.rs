//! Owns what is done to the house beside the kills of its processes, and what that is called.

use std::fmt;

use testkit::wire::Act;

use crate::deck::traps::{Link, Trap};
use crate::mischief::Sick;
use crate::seat::Who;

/// Which way a clock is stepped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Into the future.
    Forwards,
    /// Into the past.
    Backwards,
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A message is lost.
    Lose(Trap, Act, Who),
    /// All connections of a wire are cut.
    Cut(Who, Link),
    /// Nothing passes for a while.
    Hold(Who, Link),
    /// Every message is late for a while.
    Slow(Who, Link),
    /// SIGSTOP, then SIGCONT after a while.
    Stop(Who),
    /// SIGSTOP for longer than the ack wait.
    StopLong(Who),
    /// The clock of a process is stepped, and back after a while.
    Clock(Step, Who),
    /// The queue is away, and the disk on which a process spools fails.
    Disk(Sick, Who),
    /// nats-server is killed and started again.
    KillNats,
    /// The same in the middle of a batch of deliveries.
    KillNatsMidBatch,
    /// nats-server is killed, its data is removed, and the forge sends again what is missing.
    WipeNats,
    /// Postgres is killed and started again.
    KillPostgres,
    /// Every connection of the services is ended by Postgres.
    EndBackends,
    /// Somebody locks tables in an order in which it deadlocks with a writer.
    Deadlock,
    /// Every writer waits for a table, with its connection, until pools are empty.
    LockTable,
    /// Postgres takes no connection.
    ExhaustConnections,
    /// A message that can never succeed is put into a stream.
    Poison,
}

impl Fault {
    /// Whether it is done from within a process, which not every machine allows.
    pub const fn is_mischief(&self) -> bool {
        matches!(self, Self::Clock(..) | Self::Disk(..))
    }

    /// Whether a server is disturbed by it: one such thing at a time.
    pub const fn is_of_servers(&self) -> bool {
        match self {
            Self::Disk(..)
            | Self::KillNats
            | Self::KillNatsMidBatch
            | Self::WipeNats
            | Self::KillPostgres
            | Self::EndBackends
            | Self::Deadlock
            | Self::LockTable
            | Self::ExhaustConnections
            | Self::Poison => true,
            Self::Lose(..)
            | Self::Cut(..)
            | Self::Hold(..)
            | Self::Slow(..)
            | Self::Stop(_)
            | Self::StopLong(_)
            | Self::Clock(..) => false,
        }
    }
}

/// What a fault is called in reports.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = |link: &Link| match link {
            Link::Nats => "NATS",
            Link::Postgres => "Postgres",
        };
        match self {
            Self::Lose(trap, _, who) => write!(f, "lost: {} of {}", trap.name, who.service),
            Self::Cut(who, link) => write!(f, "cut: {} to {}", who.service, to(link)),
            Self::Hold(who, link) => write!(f, "held: {} to {}", who.service, to(link)),
            Self::Slow(who, link) => write!(f, "slow: {} to {}", who.service, to(link)),
            Self::Stop(who) => write!(f, "SIGSTOP {}", who.service),
            Self::StopLong(who) => write!(f, "SIGSTOP {} beyond the ack wait", who.service),
            Self::Clock(step, who) => {
                let step = format!("{step:?}").to_lowercase();
                write!(f, "clock of {} stepped {step}", who.service)
            }
            Self::Disk(Sick::Syncs, who) => write!(f, "spool of {}: EIO at sync", who.service),
            Self::Disk(Sick::Full, who) => write!(f, "spool of {}: disk full", who.service),
            Self::KillNats => write!(f, "SIGKILL nats-server"),
            Self::KillNatsMidBatch => write!(f, "SIGKILL nats-server in a batch"),
            Self::WipeNats => write!(f, "nats-server's data removed"),
            Self::KillPostgres => write!(f, "SIGKILL Postgres"),
            Self::EndBackends => write!(f, "Postgres ends every connection"),
            Self::Deadlock => write!(f, "deadlock in Postgres"),
            Self::LockTable => write!(f, "pool exhausted: a table is locked"),
            Self::ExhaustConnections => write!(f, "no connection to Postgres is to be had"),
            Self::Poison => write!(f, "poison messages"),
        }
    }
}
