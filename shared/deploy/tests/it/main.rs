//! The list held against its owners, and the files in `deploy/` against the list.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where and why"
)]

mod accounts;
mod compose;
mod dashboard;
mod files;
mod forbidden;
mod kubernetes;
mod lists;
mod metrics;
mod settings;
mod systemd;
mod yaml;
