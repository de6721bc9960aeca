#![doc = include_str!("../README.md")]

mod bounds;
pub mod caution;
pub mod mistake;
pub mod pattern;
pub mod place;
mod raw;
pub mod report;
pub mod spec;
