//! The ledger on a real Postgres: what it refuses, what it gives back, and what it survives.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

mod acts;
mod append;
mod catalogue;
mod filled;
mod grants;
mod guards;
mod migrations;
mod outage;
mod plans;
mod prepared;
mod references;
mod refs;
mod released;
mod rows;
mod sweeps;
mod tables;
mod tampered;
mod transactions;
