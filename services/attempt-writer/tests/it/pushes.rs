//! What a push brings to the ledger.

use sample::delivery::{Push as SamplePush, SENDER_LOGIN};
use sample::forge::LoopbackForge;
use sample::lab::{FAILING, PASSING, make_lab, make_learner};
use sample::repository::{AUTHOR_EMAIL, AUTHOR_NAME, Clock};

use crate::deliveries::{Delivery, Push, sha};
use crate::jobs::Jobs;
use crate::world::{ENROLLED, OTHER, World};

/// Three commits on top of the starting one in a real repository, and the forge's delivery of
/// their push.
async fn three_commits(world: &World) -> (Vec<String>, Delivery) {
    let folder = world.house.folder("forge");
    let forge = LoopbackForge::start(&folder).await.unwrap();
    let lab = make_lab(&forge, "course-1/lab", Clock::Fixed)
        .await
        .unwrap();
    let learner = make_learner(&forge, &lab, ENROLLED, Clock::Fixed);
    let learner = learner.await.unwrap();
    let start = learner.head("main").await.unwrap();
    let mut commits = Vec::new();
    for (message, changes) in [("1", FAILING), ("2", PASSING), ("3", FAILING)] {
        commits.push(learner.commit("main", message, changes).await.unwrap());
    }
    let push = SamplePush {
        branch: "main",
        before: Some(&start),
        after: Some(&commits[2]),
    };
    let payload = push.payload(&learner).await.unwrap();
    (commits, Delivery::new(world, "72d3162e", &payload))
}

#[tokio::test]
async fn a_push_of_three_commits_is_a_delivery_a_push_three_attempts_and_one_request() {
    let world = World::start().await;
    let (mut commits, delivery) = three_commits(&world).await;
    let jobs = Jobs::read(&world);
    let writer = world.writer();
    world.deliver(std::slice::from_ref(&delivery)).await;
    let asked = jobs.reach(1).await;
    world.settled().await;
    writer.stop().await;

    for (table, count) in [
        ("delivery_receipt", 1),
        ("delivery", 1),
        ("privacy.delivery_body", 1),
        ("push", 1),
        ("lab_session", 1),
        ("lab_attempt", 3),
        ("verification_request", 1),
        ("delivery_conflict", 0),
    ] {
        assert_eq!(world.count(table).await, count, "{table}");
    }
    for row in world.rows("SELECT * FROM lab_attempt").await {
        assert!(commits.iter().any(|commit| row["commit_sha"] == **commit));
        assert_eq!(row["trace_id"], delivery.id().trace_id().to_string());
        assert_eq!(row["branch"], "main");
        assert_eq!(row["listed"], "payload");
        assert_eq!(row["changed_files"]["modified"][0], "calc.sh");
    }
    let [job] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    let order: Vec<_> = job.attempts.iter().map(|a| a.commit.to_string()).collect();
    commits.reverse();
    assert_eq!(order, commits, "the head first");
    assert!(job.attempts[0].request.is_some());
    assert!(job.attempts[1..].iter().all(|a| a.request.is_none()));
    assert_eq!(job.push.delivery, delivery.id());
    assert_eq!(job.push.repository.as_str(), "github:course-1/intro-1");
    assert_eq!((job.push.branch.as_str(), job.part), ("main", 0));
    assert_eq!(job.push.received_at, delivery.received.received_at);
}

#[tokio::test]
async fn nobody_is_named_outside_of_what_can_be_erased() {
    let world = World::start().await;
    let (_, delivery) = three_commits(&world).await;
    let writer = world.writer();
    world.deliver(&[delivery]).await;
    world.settled().await;
    writer.stop().await;
    let tables = [
        "push",
        "lab_attempt",
        "principal",
        "audit_entry",
        "delivery",
        "lab_session",
    ];
    for table in tables {
        let text = world
            .house
            .rows(&format!("SELECT * FROM {table}"))
            .await
            .concat();
        for name in [SENDER_LOGIN, AUTHOR_EMAIL, AUTHOR_NAME] {
            assert!(!text.contains(name), "{table}: {text}");
        }
    }
    let people = world.people().await;
    assert!(
        people
            .iter()
            .any(|named| named.login.as_deref() == Some(SENDER_LOGIN))
    );
    assert!(
        people
            .iter()
            .any(|named| named.email.as_deref() == Some(AUTHOR_EMAIL))
    );
}

#[tokio::test]
async fn deletions_tags_and_new_branches_are_each_recorded_and_bring_what_they_should() {
    let world = World::start().await;
    let of = |full_ref: &str, before, listed: &[u32], head| Push {
        full_ref: full_ref.to_owned(),
        head,
        ..Push::new(ENROLLED, before, listed)
    };
    let mut annotated = of("refs/tags/v2", 0, &[], 11).payload();
    // The tag object, which is no commit.
    annotated["after"] = sha(999).into();
    let payloads = [
        ("first", of("refs/heads/main", 0, &[10, 11], 11).payload()),
        ("branch", of("refs/heads/topic", 0, &[], 11).payload()),
        ("ahead", of("refs/heads/topic", 11, &[12], 12).payload()),
        ("deleted", of("refs/heads/topic", 12, &[], 0).payload()),
        ("tag", of("refs/tags/v1", 0, &[], 10).payload()),
        ("annotated", annotated),
        ("tag-of-new", of("refs/tags/v3", 0, &[], 13).payload()),
        ("tag-gone", of("refs/tags/v3", 13, &[], 0).payload()),
    ];
    let writer = world.writer();
    let deliveries = payloads.map(|(name, payload)| Delivery::new(&world, name, &payload));
    // One after the other, as they happened.
    for delivery in &deliveries {
        world.deliver(std::slice::from_ref(delivery)).await;
        world.settled().await;
    }
    writer.stop().await;

    let pushes = world
        .rows(
            "SELECT forge_delivery AS name, kind, ref_name, left(after_sha, 40) AS after, \
             (SELECT count(*) FROM lab_attempt a WHERE a.push_id = push.id) AS attempts, \
             (SELECT count(*) FROM verification_request r WHERE r.cause = 'push:' || push.id) \
                 AS requests \
             FROM push JOIN delivery_receipt USING (delivery_id) ORDER BY push.received_at",
        )
        .await;
    let said: Vec<String> = pushes
        .iter()
        .map(|row| {
            let after = row["after"]
                .as_str()
                .map_or("-", |sha| sha.trim_start_matches('0'));
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            format!(
                "{}: {} {after}, {} new, {} asked",
                text("name"),
                text("ref_name"),
                row["attempts"],
                row["requests"]
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            "first: refs/heads/main b, 2 new, 1 asked",
            "branch: refs/heads/topic b, 0 new, 1 asked",
            "ahead: refs/heads/topic c, 1 new, 1 asked",
            "deleted: refs/heads/topic -, 0 new, 0 asked",
            "tag: refs/tags/v1 a, 0 new, 0 asked",
            "annotated: refs/tags/v2 b, 0 new, 0 asked",
            "tag-of-new: refs/tags/v3 d, 1 new, 1 asked",
            "tag-gone: refs/tags/v3 -, 0 new, 0 asked",
        ]
    );
}

#[tokio::test]
async fn a_lab_that_verifies_all_commits_gets_a_request_for_each() {
    let world = World::without_lab().await;
    let all = sample::lab::LAB_TOML.replace("commits = \"head\"", "commits = \"all\"");
    world.publish_lab(&all).await;
    let jobs = Jobs::read(&world);
    let writer = world.writer();
    let push = Push::new(ENROLLED, 1, &[2, 3, 4]);
    world
        .deliver(&[Delivery::new(&world, "all", &push.payload())])
        .await;
    let asked = jobs.reach(1).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("verification_request").await, 3);
    assert!(
        asked[0]
            .attempts
            .iter()
            .all(|attempt| attempt.request.is_some())
    );
}

#[tokio::test]
async fn what_is_no_push_is_recorded_as_a_delivery_and_nothing_else() {
    let world = World::start().await;
    let writer = world.writer();
    let issue = Delivery::of_body(&world, "issue", "issues", "{\"action\":\"opened\"}");
    world.deliver(&[issue]).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("delivery").await, 1);
    assert_eq!(world.count("push").await, 0);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn a_push_of_more_commits_than_a_job_takes_is_several_jobs() {
    let world = World::start().await;
    let jobs = Jobs::read(&world);
    let writer = world.writer();
    let listed: Vec<u32> = (1..=1_100).collect();
    let push = Push::new(ENROLLED, 0, &listed);
    world
        .deliver(&[Delivery::new(&world, "long", &push.payload())])
        .await;
    let mut asked = jobs.reach(3).await;
    world.settled().await;
    writer.stop().await;
    asked.sort_by_key(|job| job.part);
    let sizes: Vec<_> = asked.iter().map(|job| job.attempts.len()).collect();
    assert_eq!(sizes, [500, 500, 100]);
    assert_eq!(asked[0].attempts[0].commit.as_str(), sha(1_100));
    assert_eq!(world.count("lab_attempt").await, 1_100);
}

#[tokio::test]
async fn a_push_that_nobody_waits_for_is_kept_without_an_attempt() {
    let world = World::start().await;
    let writer = world.writer();
    let push = Push::new(OTHER, 1, &[2]);
    world
        .deliver(&[Delivery::new(&world, "else", &push.payload())])
        .await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("push").await, 1);
    assert_eq!(world.count("lab_session").await, 0);
    assert_eq!(world.count("lab_attempt").await, 0);
}
