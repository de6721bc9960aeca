//! What takes long: `make test-full` runs it.

mod side_by_side;
