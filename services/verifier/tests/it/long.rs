//! What takes long: `make test-full` runs it.

mod crowd;
mod not_root;
mod side_by_side;
mod unchecked;
