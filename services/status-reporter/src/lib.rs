#![doc = include_str!("../README.md")]

mod audit;
mod desk;
mod gauges;
mod hints;
mod judge;
mod report;
pub mod run;
mod source_loop;
mod sources;
mod tell;
