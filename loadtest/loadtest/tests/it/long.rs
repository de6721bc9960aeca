//! What takes minutes.

mod fleet;
