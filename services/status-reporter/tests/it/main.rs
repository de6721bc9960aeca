//! status-reporter with a real nats-server and a real Postgres, and a stand-in for each forge's API
//! that it tells over HTTP.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

mod moods;
mod processes;
mod told;
mod world;
