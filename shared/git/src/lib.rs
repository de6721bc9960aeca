#![doc = include_str!("../README.md")]

pub mod access;
pub mod address;
pub mod error;
pub mod origin;
pub mod program;
pub mod refs;
pub mod route;
pub mod running;
pub mod said;
