//! The end of a process, by real signals; its spans, at a real collector.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected is"
)]

mod export;
mod signals;
