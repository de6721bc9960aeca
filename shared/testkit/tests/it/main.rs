//! The testkit on itself: real servers, a real collector, and the walls of the workspace.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

mod collector;
mod house;
mod rules;
mod walls;
mod wire;
