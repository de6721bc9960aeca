#![doc = include_str!("../README.md")]

mod company;
mod doubt;
mod execute;
mod follow;
pub mod harmless;
pub mod judge;
pub mod limit;
mod record;
pub mod report;
mod result;
pub mod run;
pub mod sandbox;
pub mod schedule;
mod slots;
pub mod tree;
mod verify;
