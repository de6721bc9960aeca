//! An order of 100,000.

use crate::reprocess::many::{Course, all_are_asked_for_once_in_flat_memory};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_attempts_are_asked_for_once_in_the_memory_that_ten_thousand_take() {
    let course = Course {
        attempts: 100_000,
        killed_at: 5_000,
        measured_at: 10_000,
        step: 5_000,
    };
    all_are_asked_for_once_in_flat_memory(&course).await;
}
