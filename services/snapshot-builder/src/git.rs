//! Owns git repositories: bare caches, and what is read out of them. The `git` program itself is
//! run by the crate `git`.

pub mod asker;
pub(crate) mod begun;
pub mod cache;
pub mod commits;
mod forget;
pub mod holdings;
pub mod reference;
pub mod tidy;
pub mod tree;
pub mod version;
