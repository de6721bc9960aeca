#![doc = include_str!("../README.md")]

pub mod attempt;
pub mod audit_entry;
pub mod command;
pub mod delivery;
pub mod error;
pub mod lab_session;
pub mod migrate;
pub mod pool;
pub mod principal;
pub mod push;
pub mod row;
pub mod transaction;
pub mod verification_request;
