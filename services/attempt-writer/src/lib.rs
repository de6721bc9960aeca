#![doc = include_str!("../README.md")]

mod audit;
mod command;
mod deliveries;
mod found;
mod open;
mod plan;
mod pseudonym;
pub mod run;
mod taken;
mod write;
