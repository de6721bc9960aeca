#![doc = include_str!("../README.md")]

pub mod collector;
pub mod house;
mod room;
mod template;
pub mod wait;
