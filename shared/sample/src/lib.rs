#![doc = include_str!("../README.md")]

pub mod delivery;
pub mod dialect;
pub mod forge;
mod git;
pub mod hooks_api;
pub mod hostile;
pub mod lab;
pub mod plumbing;
pub mod repository;
pub mod status_api;
