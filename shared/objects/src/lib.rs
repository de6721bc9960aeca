#![doc = include_str!("../README.md")]

pub mod body;
pub mod copy;
mod home;
mod identity;
pub mod log;
pub mod manifest;
pub mod owner;
pub mod path;
pub mod reader;
pub mod remove;
pub mod s3;
pub mod store;
