//! Kills things.
fn main() {}
