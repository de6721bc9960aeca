#![doc = include_str!("../README.md")]

pub mod bundle;
pub mod checkpoint;
pub mod edge;
pub mod epoch;
pub mod hash;
pub mod key;
pub mod key_change;
pub mod proof;
pub mod proof_file;
pub mod subtree;
pub mod tile;
pub mod tree;
pub mod walk;
