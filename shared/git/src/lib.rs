#![doc = include_str!("../README.md")]

pub mod error;
pub mod origin;
pub mod program;
pub mod refs;
pub mod running;
pub mod said;
