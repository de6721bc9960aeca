//! Pushes to a lab that has nothing run.

use contract::message::Message as _;
use contract::unchecked::UncheckedRequested;

use crate::deliveries::{Delivery, Push};
use crate::world::{ENROLLED, World};

const LAB: &str = r#"
[lab]
slug = "unchecked"
[session]
enrol = ["github:course-*/intro-*"]
[verify]
executor = "none"
commits = "all"
"#;

#[tokio::test]
async fn a_push_to_a_lab_that_has_nothing_run_is_asked_for_in_one_message_without_a_snapshot() {
    let world = World::without_lab().await;
    world.publish_lab(LAB).await;
    let writer = world.writer();
    let push = Push::new(ENROLLED, 9, &[10, 11, 12]).payload();
    let delivery = Delivery::new(&world, "first", &push);
    world.deliver(std::slice::from_ref(&delivery)).await;
    world.settled().await;
    writer.stop().await;
    let jobs = world.house.messages("JOBS").await;
    let [(id, job)] = jobs.as_slice() else {
        panic!("{jobs:?}")
    };
    let job: UncheckedRequested = serde_json::from_slice(job).unwrap();
    assert_eq!((id, job.requests.len()), (&job.message_id(), 3));
    assert_eq!(job.delivery, delivery.id());
    assert_eq!(world.count("verification_request").await, 3);
}
