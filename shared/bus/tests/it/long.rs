//! What takes longer than a short test may.

mod cluster;
