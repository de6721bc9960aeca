//! What takes long: `make test-full` runs it.

mod crowd;
mod side_by_side;
