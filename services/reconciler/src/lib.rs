#![doc = include_str!("../README.md")]

mod alone;
mod asked;
mod audit;
mod compare;
mod deliveries;
mod desk;
mod found;
mod gauges;
mod halt;
mod judge;
mod patience;
mod queue;
mod record;
mod refs;
mod repositories;
pub mod run;
mod schedule;
mod shortfall;
mod sources;
