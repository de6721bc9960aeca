//! attempt-writer with a real nats-server and a real Postgres, which the tests take away from it.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

mod bad_deliveries;
mod commands;
mod dead;
mod deadlines;
mod deliveries;
mod entries;
mod erased;
mod found;
mod given_up;
mod jobs;
mod large;
mod lost;
mod orders;
mod outages;
mod past;
mod poison;
mod pushes;
mod repeats;
mod reprocess;
mod retained;
mod sealed;
mod sessions;
mod unchecked;
mod world;
