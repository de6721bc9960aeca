//! What takes too long for every run: `make test-full` runs these.

mod bucket;
mod bucket_lost;
mod by_tls;
mod commits;
mod drill;
mod erasure;
mod logs;
mod lost_objects;
mod moved;
mod paused;
mod reprocess;
mod rotation;
mod shedding;
mod workers;
