#![doc = include_str!("../README.md")]

pub mod batch;
pub mod connect;
pub mod consume;
pub mod dead;
pub mod error;
pub mod incoming;
pub mod inspect;
pub mod outgoing;
pub mod publish;
mod pull;
mod settle;
pub mod topology;
pub mod trace;
