#![doc = include_str!("../README.md")]

pub mod checkpoint;
pub mod hash;
pub mod key;
pub mod proof;
pub mod tree;
