#![doc = include_str!("../README.md")]

pub mod delays;
pub mod policy;
pub mod retry;
