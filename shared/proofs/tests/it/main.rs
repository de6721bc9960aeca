//! What is checked with files alone, on one set of vectors, by this crate and by the checker in
//! Python.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where and why"
)]

mod cases;
mod log;
mod mend;
mod python;
mod vectors;
