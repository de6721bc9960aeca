//! Sends bursts of pushes to a house: `loadtest burst --count 10000`.

fn main() {}
