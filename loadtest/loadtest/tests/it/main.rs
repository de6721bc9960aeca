//! The load test against a real house, and against one that lies.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod burst;
mod liar;
mod long;
mod program;
