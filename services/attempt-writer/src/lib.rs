#![doc = include_str!("../README.md")]

mod asked;
mod audit;
mod command;
mod deliveries;
mod found;
mod open;
mod people;
mod plan;
mod pseudonym;
pub mod run;
mod take_in;
mod taken;
mod write;
