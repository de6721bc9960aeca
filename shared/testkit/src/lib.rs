#![doc = include_str!("../README.md")]

pub mod collector;
pub mod house;
mod ledger;
pub mod past;
pub mod port;
pub mod program;
pub mod queue;
mod room;
mod template;
pub mod wait;
pub mod wire;
