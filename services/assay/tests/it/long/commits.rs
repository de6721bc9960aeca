//! Pushes of 5,000 commits.
