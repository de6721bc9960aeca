//! How a push finds its session: open, enrolled by a pattern, or opened later.

use crate::deliveries::{Delivery, Push, sha};
use crate::jobs::Jobs;
use crate::world::{ENROLLED, OTHER, World};

#[tokio::test]
async fn an_unmatched_push_is_taken_in_when_its_session_is_opened() {
    let world = World::start().await;
    let jobs = Jobs::read(&world);
    let writer = world.writer();
    let push = |name: &str, before, listed: &[u32]| {
        Delivery::new(&world, name, &Push::new(OTHER, before, listed).payload())
    };
    let early = [push("one", 1, &[2, 3]), push("two", 3, &[4])];
    world.deliver(&early).await;
    world.settled().await;
    assert_eq!(world.count("lab_attempt").await, 0);

    let command = world.ask_for_session(OTHER, Some(1)).await;
    let outcome = world.outcome(command).await;
    assert_eq!(outcome["outcome"], "accepted", "{outcome}");
    assert_eq!(outcome["result"]["lab_version"], 1);
    let asked = jobs.reach(2).await;
    world.settled().await;
    assert_eq!(world.count("lab_attempt").await, 3);
    assert_eq!(world.count("verification_request").await, 2);
    let session = outcome["result"]["session"].as_str().unwrap();
    for job in &asked {
        assert_eq!(job.push.session.to_string(), session);
        assert_eq!(job.push.starting.as_ref().unwrap().as_str(), sha(1));
    }
    // When it was admitted counts, not when it was taken in.
    let late = "lab_attempt JOIN delivery ON delivery.id = delivery_id \
                WHERE lab_attempt.received_at <> delivery.received_at";
    assert_eq!(world.count(late).await, 0);

    // Pushes after that find the session.
    world.deliver(&[push("three", 4, &[5])]).await;
    jobs.reach(3).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("lab_attempt").await, 4);
    assert_eq!(world.count("lab_session").await, 1);
    assert_eq!(world.count("delivery").await, 3);
}

#[tokio::test]
async fn a_push_before_the_writer_ever_ran_waits_for_it() {
    let world = World::start().await;
    let push = Push::new(ENROLLED, 1, &[2]);
    world
        .deliver(&[Delivery::new(&world, "early", &push.payload())])
        .await;
    let writer = world.writer();
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("lab_attempt").await, 1);
}

#[tokio::test]
async fn enrolment_opens_one_session_however_many_writers_see_a_first_push() {
    let world = World::start().await;
    let mut deliveries = Vec::new();
    for repository in 0..5 {
        for push in 0..20 {
            let name = format!("course-{repository}/intro-x");
            let commit = repository * 100 + push + 10;
            let push = Push::new(&name, 1, &[commit]);
            deliveries.push(Delivery::new(
                &world,
                &format!("d{commit}"),
                &push.payload(),
            ));
        }
    }
    let writers = [world.writer(), world.writer(), world.writer()];
    // In small batches, so that each writer gets some.
    for some in deliveries.chunks(7) {
        world.deliver(some).await;
    }
    world.settled().await;
    for writer in writers {
        writer.stop().await;
    }
    assert_eq!(world.count("lab_session").await, 5);
    assert_eq!(world.count("lab_attempt").await, 100);
    assert_eq!(world.count("verification_request").await, 100);
    let opened = "audit_entry WHERE action = 'session-opened'";
    assert_eq!(world.count(opened).await, 5);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn what_waited_is_taken_in_when_a_push_opens_its_session() {
    let world = World::without_lab().await;
    let writer = world.writer();
    let push = |name: &str, repository: &str, before, commit| {
        let payload = Push::new(repository, before, &[commit]).payload();
        Delivery::new(&world, name, &payload)
    };
    const WAITING: &str = "course-2/intro-1";
    let early = [push("a", WAITING, 1, 2), push("b", WAITING, 2, 3)];
    world.deliver(&early).await;
    world.settled().await;
    assert_eq!(world.count("lab_attempt").await, 0);

    // Most open a session where nothing waited, and some of a batch where something did.
    world.publish_lab(sample::lab::LAB_TOML).await;
    let opening = [
        push("c", ENROLLED, 1, 10),
        push("d", WAITING, 3, 4),
        push("e", "course-3/intro-1", 1, 11),
    ];
    world.deliver(&opening).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("lab_session").await, 3);
    let rows = world
        .rows("SELECT commit_sha FROM lab_attempt ORDER BY 1")
        .await;
    let found: Vec<_> = rows.iter().map(|row| row["commit_sha"].clone()).collect();
    let mut expected = [2, 3, 4, 10, 11].map(sha);
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn the_templates_history_in_a_first_push_is_no_attempt() {
    let world = World::start().await;
    let writer = world.writer();
    let command = world.ask_for_session(OTHER, Some(3)).await;
    world.outcome(command).await;
    let push = Push::new(OTHER, 0, &[1, 2, 3, 4, 5]);
    world
        .deliver(&[Delivery::new(&world, "d", &push.payload())])
        .await;
    world.settled().await;
    writer.stop().await;
    let rows = world
        .rows("SELECT commit_sha FROM lab_attempt ORDER BY 1")
        .await;
    let found: Vec<_> = rows.iter().map(|row| row["commit_sha"].clone()).collect();
    assert_eq!(found, [sha(4), sha(5)]);
}

#[tokio::test]
async fn a_lab_version_that_cannot_be_read_stops_nobody_elses_push() {
    let world = World::start().await;
    world
        .house
        .sql(
            "WITH l AS (INSERT INTO lab VALUES (gen_random_uuid(), 'newer', now()) RETURNING id) \
             INSERT INTO lab_version SELECT gen_random_uuid(), l.id, 1, 'd', 't', \
             '{\"session\": {\"enrol\": [\"github:course-*/*\"]}}', 'c', 'l', 0, 0, command_id, \
             now() FROM lab_version, l",
        )
        .await;
    let writer = world.writer();
    let push = Push::new(ENROLLED, 1, &[2]);
    world
        .deliver(&[Delivery::new(&world, "d", &push.payload())])
        .await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.dead().await, 0);
    assert_eq!(world.count("lab_attempt").await, 1);
}

#[tokio::test]
async fn however_many_deliveries_wait_all_are_taken_in_and_so_are_contradictions() {
    const WAITING: u32 = 1_200;
    let world = World::start().await;
    let writer = world.writer();
    let push = |name: &str, before, commit| {
        let payload = Push::new(OTHER, before, &[commit]).payload();
        Delivery::new(&world, name, &payload)
    };
    let mut early: Vec<_> = (1..=WAITING)
        .map(|n| push(&format!("d{n}"), n, n + 1))
        .collect();
    // The id of the first with another body.
    early.push(push("d1", 5_000, 5_001));
    for some in early.chunks(600) {
        world.deliver(some).await;
    }
    world.settled().await;
    assert_eq!(world.count("delivery_conflict").await, 1);
    let command = world.ask_for_session(OTHER, None).await;
    assert_eq!(world.outcome(command).await["outcome"], "accepted");
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("lab_attempt").await, i64::from(WAITING) + 1);
    let of_conflict = format!("lab_attempt WHERE commit_sha = '{}'", sha(5_001));
    assert_eq!(world.count(&of_conflict).await, 1);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn pushes_of_an_enrolled_repository_bring_the_same_in_whatever_order_they_arrive() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let world = World::start().await;
        let writer = world.writer();
        let pushes = [
            Push::new(ENROLLED, 1, &[2, 3]),
            Push::new(ENROLLED, 3, &[4]),
            Push::new(ENROLLED, 4, &[5, 6]),
        ];
        for place in order {
            let payload = pushes[place].payload();
            let delivery = Delivery::new(&world, &format!("d{place}"), &payload);
            world.deliver(&[delivery]).await;
            world.settled().await;
        }
        // A new branch where the first push began brings nothing.
        let mut branch = Push::new(ENROLLED, 0, &[]);
        branch.full_ref = "refs/heads/other".to_owned();
        branch.head = pushes[order[0]].before;
        let delivery = Delivery::new(&world, "branch", &branch.payload());
        world.deliver(&[delivery]).await;
        world.settled().await;
        writer.stop().await;
        let rows = world
            .rows("SELECT commit_sha FROM lab_attempt ORDER BY 1")
            .await;
        let found: Vec<_> = rows.iter().map(|row| row["commit_sha"].clone()).collect();
        assert_eq!(found, [2, 3, 4, 5, 6].map(sha), "{order:?}");
        let head = world.rows("SELECT * FROM ref_head WHERE ref_name = 'refs/heads/main'");
        let head = head.await.remove(0);
        assert_eq!(
            (&head["head_sha"], &head["gaps"]),
            (&sha(6).into(), &0.into())
        );
    }
}
