#![doc = include_str!("../README.md")]

pub mod harmless;
pub mod judge;
pub mod limit;
pub mod report;
pub mod sandbox;
