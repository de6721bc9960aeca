//! The torture as a test: its short form, and single faults by the name of what must hold.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected is"
)]

mod long;
mod once;
mod scene;
mod short;
mod within;
