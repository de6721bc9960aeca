//! The verifier against a real sandbox, and real servers.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod author;
mod bench;
mod closed;
mod crowd;
mod forging;
mod hostile;
mod leftover;
mod limits;
mod live;
mod long;
mod not_root;
mod overload;
mod sandbox;
mod sealed;
mod service;
mod supersede;
mod tools;
mod unchecked;
mod workshop;
