#![doc = include_str!("../README.md")]

pub mod body;
mod github;
pub mod headers;
pub mod identity;
pub mod provider;
pub mod push;
pub mod signature;
