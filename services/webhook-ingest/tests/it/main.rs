//! webhook-ingest over real HTTP with a real nats-server, which the tests take away from it.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

mod accepting;
mod bad_deliveries;
mod concurrency;
mod outages;
mod queue;
mod recorded;
mod refusing;
mod request;
mod spool;
mod spool_bounds;
// It looks into the system's list of connections.
mod crowding;
mod forges;
mod injecting;
mod lanes;
mod rates;
mod reloading;
mod repeats;
#[cfg(target_os = "linux")]
mod stopping;
mod world;
