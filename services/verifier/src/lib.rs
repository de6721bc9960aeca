#![doc = include_str!("../README.md")]

mod come;
mod company;
mod doubt;
mod enter;
mod execute;
mod follow;
mod journal;
pub mod judge;
pub mod limit;
mod live;
pub mod local;
mod machine;
mod once;
mod record;
mod replay;
mod result;
pub mod run;
pub mod sandbox;
pub mod schedule;
mod seal;
mod slots;
mod steps;
mod tend;
pub mod tools;
pub mod tree;
mod trial;
mod verify;
