//! The bus on a real nats-server, which the tests kill, fill and misconfigure on purpose.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

mod batches;
mod bundles;
mod consume;
mod dead;
mod graves;
mod killers;
mod lease;
mod letters;
mod live;
mod long;
mod outage;
mod publish;
mod renew;
mod room;
mod topology;
mod trace;
mod world;
