#![doc = include_str!("../README.md")]

pub mod account;
mod child;
pub mod client;
pub mod error;
pub mod folder;
mod leftover;
pub mod log;
pub mod nats;
pub mod place;
pub mod postgres;
mod program;
mod spawner;
