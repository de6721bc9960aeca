//! Git and the building of snapshots against real repositories over the loopback; the service
//! against a real nats-server and a real Postgres.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that does not hold"
)]

mod away;
mod build;
mod found;
mod git;
mod hostile;
mod labs;
mod long;
mod office;
mod pushes;
mod quick;
mod removed;
mod unchecked;
mod world;
mod writer;
