//! What takes too long for every run: `make test-full` runs these.

mod commits;
mod reprocess;
mod workers;
