#![doc = include_str!("../README.md")]

pub mod audited;
pub mod authority;
pub mod bucket;
pub mod cluster;
pub mod collector;
mod damage;
pub mod house;
pub mod json_schema;
mod ledger;
pub mod moody;
pub mod past;
pub mod port;
pub mod program;
pub mod queue;
mod room;
pub mod stranger;
mod template;
#[cfg(target_os = "linux")]
mod tls;
pub mod users;
pub mod wait;
pub mod wire;
