//! What is checked with files alone, on one set of vectors, by this crate and by the checker in
//! Python.

mod cases;
mod log;
mod mend;
mod python;
mod vectors;
