#![doc = include_str!("../README.md")]

pub mod connect;
pub mod ground;
pub mod intake;
pub mod objects;
pub mod origin;
pub mod sources;
pub mod sync;
pub mod together;
