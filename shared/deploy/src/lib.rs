#![doc = include_str!("../README.md")]

pub mod list;
pub mod plan;
pub mod users;
