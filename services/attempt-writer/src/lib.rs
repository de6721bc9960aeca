#![doc = include_str!("../README.md")]

mod asked;
mod audit;
mod bulk;
mod command;
mod dead;
mod deliveries;
mod found;
mod lost;
mod open;
mod outcome;
mod people;
mod plan;
mod pseudonym;
mod publish;
mod reprocess;
pub mod run;
mod take_in;
mod taken;
mod write;
