//! The git side and the building of snapshots, against real repositories over the loopback.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that does not hold"
)]

mod build;
mod git;
mod world;
