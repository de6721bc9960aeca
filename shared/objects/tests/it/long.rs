//! What needs a server of buckets, which takes seconds to start: `make test-full` runs these.

mod bucket;
mod trouble;
