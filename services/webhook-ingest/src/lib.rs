#![doc = include_str!("../README.md")]

mod admit;
mod body;
mod hook;
mod lane;
mod problem;
mod publisher;
mod receipt;
mod recent;
pub mod run;
mod source;
