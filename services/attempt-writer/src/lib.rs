//! attempt-writer
