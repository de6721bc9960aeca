#![doc = include_str!("../README.md")]

mod admit;
mod body;
mod budget;
mod connections;
mod hook;
mod lane;
mod live;
mod notices;
mod problem;
mod publisher;
mod receipt;
mod recent;
mod refused;
mod reload;
pub mod run;
mod server;
mod source;
pub mod spool;
mod stream;
mod tell;
mod way;
mod weigh;
