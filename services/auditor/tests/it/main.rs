//! The auditor with a real Postgres.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where and why"
)]

mod completeness;
mod epochs;
mod facts;
mod following;
mod ground;
mod key_changes;
mod lanes;
mod lost_files;
mod noticed;
mod proving;
mod publishing;
mod refusing;
mod rows;
mod sequencing;
mod serving;
mod tampering;
mod tracing;
