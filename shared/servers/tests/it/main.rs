//! Real servers, real deaths.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

mod owner;
mod servers;
mod talk;
