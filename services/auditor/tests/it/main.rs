//! The auditor with a real Postgres.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where and why"
)]

mod facts;
mod ground;
mod refusing;
mod rows;
mod sequencing;
mod tampering;
mod tracing;
