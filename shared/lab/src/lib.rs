#![doc = include_str!("../README.md")]

mod bounds;
pub mod mistake;
pub mod pattern;
mod raw;
pub mod report;
pub mod spec;
