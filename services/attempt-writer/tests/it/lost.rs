//! What the broker lost is asked for again, once; what it still has is left alone.

use bus::topology::{SNAPSHOT_BUILDER_BULK, VERIFIER_BULK, VERIFIER_LIVE};
use contract::ids::CommandId;
use contract::job::{CommitsFound, FoundCommit};
use contract::message::Lane;
use contract::reprocess::{ReprocessRequested, Selection, VersionChoice};
use contract::result::NewestResult;
use testkit::wait;

use crate::deliveries::{Delivery, Push, sha};
use crate::jobs::Jobs;
use crate::world::{ENROLLED, World};
use testkit::past::Past;

/// After how many seconds work is lost that no queue holds: soon, and so late that none is which a
/// slow machine has recorded and not published yet.
const SOON: u64 = 1;
const LATE: u64 = 600;

impl World {
    async fn until_remade(&self, count: i64) {
        wait::until(&format!("{count} are asked for again"), async || {
            let found = self.count("work_remade").await;
            (found >= count).then_some(()).ok_or(format!("{found}"))
        })
        .await;
    }

    /// The stream of jobs goes with all that is in it, and is there again without.
    async fn lose_jobs(&self) {
        self.house.remove_stream("JOBS").await;
        self.bus.apply_topology(1).await.unwrap();
    }
}

#[tokio::test]
async fn attempts_whose_job_is_gone_are_asked_for_once_and_those_in_the_queue_are_not() {
    let world = World::start().await;
    let writer = world.writer_that_seeks(LATE);
    // Recorded, and its job waits: nobody builds here.
    let push = Push::new(ENROLLED, 1, &[2, 3]);
    let delivery = Delivery::new(&world, "waits", &push.payload());
    world.deliver(&[delivery]).await;
    world.settled().await;
    // Each look that finds one of these has looked at the push as well.
    for (rounds, repository) in ["github:a/one", "github:a/two", "github:a/three"]
        .into_iter()
        .enumerate()
    {
        let lost = Past {
            repository,
            result: "",
            attempts: 4,
            preserved: false,
            ..Past::default()
        };
        world.remember(lost).await;
        world.until_remade(4 * (rounds as i64 + 1)).await;
    }
    writer.stop().await;
    let of_push = "work_remade w JOIN lab_attempt a ON a.id = w.lab_attempt_id \
                   JOIN push ON push.id = a.push_id WHERE repository LIKE '%course%'";
    assert_eq!(world.count(of_push).await, 0);
    assert_eq!(world.count("work_remade").await, 12, "each once");
    let jobs = Jobs::read_from(&world, &SNAPSHOT_BUILDER_BULK);
    jobs.reach(3).await;
    let entries = "audit_entry WHERE action = 'work-remade'";
    assert!(world.count(entries).await >= 3);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn what_was_lost_long_before_the_process_began_is_asked_for_once_too() {
    let world = World::start().await;
    let lost = Past {
        result: "",
        attempts: 1_200,
        preserved: false,
        made_days_ago: 3,
        ..Past::default()
    };
    world.remember(lost).await;
    let writer = world.writer_that_seeks(LATE);
    world.until_remade(1_200).await;
    // Looks go on, among them at what is new.
    let lost = Past {
        repository: "github:a/new",
        result: "",
        preserved: false,
        ..Past::default()
    };
    world.remember(lost).await;
    world.until_remade(1_201).await;
    writer.stop().await;
    assert_eq!(world.count("work_remade").await, 1_201);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn requests_are_asked_for_with_their_tree_their_try_and_by_two_writers_once() {
    let world = World::start().await;
    let verified = Past {
        attempts: 700,
        ..Past::default()
    };
    world.remember(verified).await;
    // The last 600 have no result.
    world
        .house
        .sql(
            "ALTER TABLE verification_attempt DISABLE TRIGGER ALL; \
             DELETE FROM verification_attempt WHERE id IN \
                 (SELECT id FROM verification_attempt ORDER BY id LIMIT 600); \
             ALTER TABLE verification_attempt ENABLE ALWAYS TRIGGER refuse_row_change",
        )
        .await;
    let writers = [world.writer_that_seeks(LATE), world.writer_that_seeks(LATE)];
    world.until_remade(600).await;
    world.house.until_queued(&VERIFIER_LIVE, 600).await;
    for writer in writers {
        writer.stop().await;
    }
    assert_eq!(world.count("work_remade").await, 600);
    assert_eq!(
        world
            .count("work_remade WHERE number = 1 AND try_number = 1")
            .await,
        600
    );
    assert_eq!(world.house.queued(&VERIFIER_LIVE).await, 600);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn a_list_that_git_did_not_finish_is_asked_for_and_one_that_it_did_is_not() {
    let world = World::start().await;
    let writer = world.writer();
    // Two new branches, of which the payload's list is not known to be whole.
    let push = |name: &str, head: u32| {
        let mut push = Push::new(ENROLLED, 0, &[head]);
        push.full_ref = format!("refs/heads/{name}");
        Delivery::new(&world, name, &push.payload())
    };
    let jobs = Jobs::read(&world);
    world.deliver(&[push("done", 2), push("half", 3)]).await;
    let asked = jobs.reach(2).await;
    assert!(asked.iter().all(|job| job.lists));
    assert_eq!(world.count("listing_due").await, 2);
    for job in &asked {
        let is_done = job.push.branch == "done";
        let parts = if is_done { 1 } else { 2 };
        let found = CommitsFound {
            push: job.push.clone(),
            commits: vec![FoundCommit {
                commit: sha(if is_done { 20 } else { 30 }).parse().unwrap(),
                author_email: String::new(),
                committed_at: None,
            }],
            part: 0,
            parts,
            left_out: 0,
            lane: Lane::Live,
        };
        world.bus.publish(&found).await.unwrap();
    }
    wait::until("both parts are recorded", async || {
        let parts = world.count("listing_part").await;
        (parts == 2).then_some(()).ok_or(format!("{parts}"))
    })
    .await;
    writer.stop().await;
    drop(jobs);
    world.lose_jobs().await;
    let writer = world.writer_that_seeks(SOON);
    let jobs = Jobs::read_from(&world, &SNAPSHOT_BUILDER_BULK);
    let is_list = |job: &&contract::job::SnapshotRequested| job.lists;
    wait::until("the list is asked for", async || {
        let all = jobs.all();
        all.iter().find(is_list).map(drop).ok_or(format!("{all:?}"))
    })
    .await;
    writer.stop().await;
    let all = jobs.all();
    let lists: Vec<_> = all.iter().filter(is_list).collect();
    assert_eq!(lists.len(), 1, "{lists:?}");
    assert_eq!((lists[0].push.branch.as_str(), lists[0].part), ("half", 0));
}

#[tokio::test]
async fn an_order_to_reprocess_whose_next_page_is_lost_goes_on_and_asks_for_each_once() {
    let world = World::start().await;
    let attempts = 1_234;
    let past = Past {
        attempts,
        ..Past::default()
    };
    world.remember(past).await;
    let order = ReprocessRequested {
        command: CommandId::new(),
        actor: "operator".parse().unwrap(),
        selection: Selection {
            result: Some(NewestResult::Fail),
            ..Selection::default()
        },
        lab_version: VersionChoice::Current,
        reason: "the checks were mended".into(),
        // Pages of 500, five seconds apart.
        rate_per_second: Some(100),
        limit: None,
    };
    world.bus.publish(&order).await.unwrap();
    let writer = world.writer();
    wait::until("the first page is asked for", async || {
        let asked = world
            .count("verification_request WHERE cause LIKE 'command:%'")
            .await;
        (asked > 0).then_some(()).ok_or(format!("{asked}"))
    })
    .await;
    writer.stop().await;
    world.lose_jobs().await;
    let writer = world.writer_that_seeks(SOON);
    wait::until("the order is over", async || {
        let over = world
            .count("audit_entry WHERE action = 'reprocess-finished'")
            .await;
        (over == 1).then_some(()).ok_or(format!("{over}"))
    })
    .await;
    let cause = ReprocessRequested::cause_of(order.command);
    let of_order = format!("verification_request WHERE cause = '{cause}'");
    assert_eq!(world.count(&of_order).await, i64::from(attempts));
    // Those of the page whose jobs were lost are asked for again.
    let all = u64::from(attempts);
    world.house.until_queued(&VERIFIER_BULK, all).await;
    writer.stop().await;
    assert_eq!(world.house.queued(&VERIFIER_BULK).await, all);
}
