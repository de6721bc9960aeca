#![doc = include_str!("../README.md")]

pub mod harmless;
pub mod junit;
pub mod reported;
pub mod tap;
