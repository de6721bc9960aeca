#![doc = include_str!("../README.md")]

pub mod advisory;
pub mod batch;
pub mod connect;
pub mod consume;
pub mod dead;
pub mod error;
pub mod facts;
mod failures;
mod history;
pub mod incoming;
pub mod inspect;
pub mod lag;
pub mod letter;
pub mod live;
pub mod look;
pub mod outgoing;
pub mod pace;
pub mod publish;
mod pull;
mod renew;
mod room;
mod settle;
mod tasks;
pub mod topology;
pub mod trace;
pub mod window;
