#![doc = include_str!("../README.md")]

pub mod cli;
pub mod compare;
pub mod drain;
pub mod figures;
pub mod fleet;
pub mod house;
pub mod http;
pub mod idle;
pub mod latency;
pub mod ledger;
pub mod limits;
pub mod machine;
pub mod orders;
pub mod ramp;
pub mod replay;
pub mod report;
pub mod run;
pub mod schedule;
pub mod sender;
mod settings;
pub mod shape;
pub mod single;
pub mod target;
pub mod template;
pub mod traffic;
pub mod watch;
