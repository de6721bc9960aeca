#![doc = include_str!("../README.md")]

pub mod account;
pub mod dice;
pub mod programs;
pub mod verdict;
