//! What takes too long for every run: `make test-full` runs these.

mod commits;
mod drill;
mod erasure;
mod logs;
mod moved;
mod reprocess;
mod workers;
