#![doc = include_str!("../README.md")]

pub mod deck;
pub mod drain;
pub mod driver;
pub mod faults;
pub mod ground;
pub mod hand;
pub mod kills;
pub mod learners;
pub mod mischief;
pub mod redeliver;
pub mod report;
pub mod run;
pub mod seat;
pub mod silent;
pub mod tally;
pub mod traffic;
