//! reconciler with a real nats-server and a real Postgres, and a stand-in for GitHub's API that it
//! asks over HTTP.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

mod deliveries;
mod gauges;
mod moods;
mod processes;
mod sources;
mod world;
