//! Holds what was sent and answered against the ledger.
fn main() {}
