//! The `git` program against servers of the loopback that ask who we are, send us elsewhere, or
//! never end; and against an `ssh` that says what it was given.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that does not hold"
)]

mod hostile;
mod login;
mod server;
mod ssh;
