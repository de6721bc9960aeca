//! Owns git: the only rooms that run the `git` program, in an environment of our own.

pub mod cache;
pub mod commits;
pub mod error;
pub(crate) mod fetch;
pub mod origin;
pub(crate) mod program;
pub mod reference;
pub(crate) mod running;
pub mod tree;
pub mod version;
