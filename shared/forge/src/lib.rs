//! What forges say, pure.
pub mod provider;
