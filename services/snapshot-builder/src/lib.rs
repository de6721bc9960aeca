//! snapshot-builder

pub mod build;
pub mod git;
pub mod snapshot;
