//! A deadline's crowd.

use crate::crowd::crowd;

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_pushes_of_one_delay_twenty_others_by_no_more_than_one_run() {
    crowd(500, 20).await;
}
