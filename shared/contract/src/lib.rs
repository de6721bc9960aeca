#![doc = include_str!("../README.md")]

pub mod audit;
pub mod command;
pub mod delivery;
pub mod digest;
pub mod fact;
pub mod ids;
pub mod job;
pub mod lane;
pub mod live;
pub mod message;
pub mod name;
pub mod notice;
pub mod reprocess;
pub mod result;
pub mod time;
pub mod unchecked;
