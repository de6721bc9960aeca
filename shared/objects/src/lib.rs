#![doc = include_str!("../README.md")]

mod identity;
pub mod manifest;
pub mod owner;
pub mod path;
pub mod reader;
pub mod store;
