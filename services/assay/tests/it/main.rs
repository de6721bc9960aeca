//! The whole house as its operator runs it: the built program, a process for each service, real
//! servers, and a forge on the loopback.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected is"
)]

mod backup;
mod bad_input;
mod bad_labs;
mod broken_git;
mod commits;
mod completeness;
mod dead;
mod doctor;
mod documented;
mod entries;
#[cfg(target_os = "linux")]
mod forbidden;
mod forges;
mod forked;
mod health;
mod kept;
mod log_key;
mod logs;
#[cfg(target_os = "linux")]
mod long;
mod lost;
mod made_again;
mod marks;
#[cfg(target_os = "linux")]
mod memory;
mod metrics;
#[cfg(target_os = "linux")]
mod noted;
mod once;
mod order;
mod planted;
mod proven;
mod push;
mod reconcile;
mod recorded;
mod refusing;
mod replay;
mod reprocess;
mod roster;
mod sealed;
mod secrets;
mod site;
mod spool;
mod stopping;
mod tracing;
mod up;
mod whole_way;
