#![doc = include_str!("../README.md")]

pub mod copy;
mod identity;
pub mod log;
pub mod manifest;
pub mod owner;
pub mod path;
pub mod reader;
pub mod remove;
pub mod store;
