#![doc = include_str!("../README.md")]

pub mod collector;
pub mod house;
mod ledger;
mod room;
mod template;
pub mod wait;
pub mod wire;
