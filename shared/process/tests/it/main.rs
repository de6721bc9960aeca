//! The end of a process, by real signals.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected is"
)]

mod signals;
