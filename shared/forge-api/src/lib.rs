#![doc = include_str!("../README.md")]

pub mod client;
pub mod error;
pub mod github;
mod limit;
mod link;
mod quiet;
pub mod status;
