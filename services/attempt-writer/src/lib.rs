#![doc = include_str!("../README.md")]

mod asked;
mod audit;
mod bodies;
mod bulk;
mod command;
mod dead;
mod deliveries;
mod found;
mod keyring;
mod lost;
mod numbers;
mod open;
mod outcome;
mod people;
pub mod person;
mod plan;
pub mod privacy;
mod pseudonym;
pub mod remove;
mod reprocess;
mod retention;
pub mod run;
pub mod seal;
mod sweep;
mod take_in;
mod taken;
mod write;
