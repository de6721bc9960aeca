#![doc = include_str!("../README.md")]

pub mod entry;
pub mod files;
mod link;
pub mod mirror;
pub mod pinned;
pub mod proof;
mod trust;
pub mod verdict;
pub mod watch;
