//! However many attempts an order means, it is carried out in the same memory, once.

use bus::outgoing::Outgoing;
use contract::ids::CommandId;
use contract::message::Message;
use contract::reprocess::{ReprocessRequested, Selection, VersionChoice};
use contract::result::NewestResult;
use process::settings::service::Service;
use testkit::house::House;
use testkit::wait;

use crate::memory::memory;
use crate::site::Site;
use testkit::past::Past;

const MIB: u64 = 1024 * 1024;
/// What the process may take more for ten times as many attempts: less than their ids alone would
/// take, held in a list with what verifying each needs.
const GROWTH: u64 = 24 * MIB;

/// How many attempts there are, and when what happens.
pub(crate) struct Course {
    pub(crate) attempts: u32,
    /// The process is killed once so many are asked for.
    pub(crate) killed_at: i64,
    /// The memory of the next one is measured once so many are, and at the end.
    pub(crate) measured_at: i64,
    /// How many are waited for at a time.
    pub(crate) step: usize,
}

fn order() -> ReprocessRequested {
    ReprocessRequested {
        command: CommandId::new(),
        actor: "operator".parse().unwrap(),
        selection: Selection {
            result: Some(NewestResult::Fail),
            ..Selection::default()
        },
        lab_version: VersionChoice::Current,
        reason: "the checks were mended".into(),
        rate_per_second: None,
        limit: None,
    }
}

/// The command again under another id, as after the broker forgot the first.
fn copy_of(order: &ReprocessRequested) -> Outgoing {
    let payload = serde_json::to_vec(order).unwrap().into();
    let id = uuid::Uuid::now_v7().to_string();
    let subject = order.subject();
    Outgoing::raw("assay", ReprocessRequested::KIND, subject, &id, payload).unwrap()
}

async fn asked_for(site: &Site, order: &ReprocessRequested) -> i64 {
    let cause = ReprocessRequested::cause_of(order.command);
    let query = format!("SELECT count(*) FROM verification_request WHERE cause = '{cause}'");
    site.house.number(&query).await
}

async fn until_asked(site: &Site, order: &ReprocessRequested, count: i64) {
    wait::until(&format!("{count} are asked for"), async || {
        let asked = asked_for(site, order).await;
        (asked >= count).then_some(()).ok_or(format!("{asked}"))
    })
    .await;
}

/// Has Postgres stop whoever asks for more than so many, in the middle of a transaction: however fast
/// the writer is, it can be killed on its way.
async fn halt_after(site: &Site, count: i64) {
    let halting = format!(
        "CREATE FUNCTION halt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF (SELECT count(*) FROM verification_request WHERE cause LIKE 'command:%') > {count} \
             THEN PERFORM pg_sleep(3600); END IF; RETURN NULL; END $$; \
         CREATE TRIGGER halt AFTER INSERT ON verification_request \
         FOR EACH STATEMENT EXECUTE FUNCTION halt()"
    );
    site.house.sql(&halting).await;
}

/// Lets go whoever was stopped, and stops nobody any more.
async fn go_on(site: &Site) {
    let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE usename = 'assay_attempt_writer'";
    site.house.number(ended).await;
    site.house.sql("DROP FUNCTION halt CASCADE").await;
}

pub(crate) async fn all_are_asked_for_once_in_flat_memory(course: &Course) {
    let mut site = Site::furnish(House::start().await, "").await;
    let past = Past {
        repository: "github:someone/else",
        lab: "many",
        result: "fail",
        attempts: course.attempts,
        hours_ago: 1,
        ..Past::default()
    };
    past.write(&site.house).await;
    let order = order();
    let bus = site.house.bus("tests").await;
    for _ in 0..2 {
        bus.publish_raw(copy_of(&order)).await.unwrap();
    }
    halt_after(&site, course.killed_at).await;
    site.start_one(Service::AttemptWriter);
    until_asked(&site, &order, course.killed_at).await;
    site.kill(Service::AttemptWriter);
    go_on(&site).await;
    let before = asked_for(&site, &order).await;
    assert!(before < i64::from(course.attempts), "killed too late");

    site.start_one(Service::AttemptWriter);
    until_asked(&site, &order, course.measured_at).await;
    let process = site.process_of(Service::AttemptWriter);
    let early = memory(process, "VmHWM");
    let all = i64::from(course.attempts);
    for some in (course.measured_at..=all).step_by(course.step).chain([all]) {
        until_asked(&site, &order, some).await;
    }
    // Once more, after everything.
    bus.publish_raw(copy_of(&order)).await.unwrap();
    let over = "SELECT count(*) FROM audit_entry WHERE action = 'reprocess-finished'";
    wait::until("the order is over and each job is queued", async || {
        let states = bus.consumer_states().await;
        let states = states.map_err(|error| error.to_string())?;
        let left = |name| states.iter().find(|s| s.durable == name).unwrap();
        let commands = left("attempt-writer-reprocess");
        let (jobs, pages) = (left("verifier-bulk"), left("attempt-writer-bulk"));
        let is_over = site.house.number(over).await == 1
            && jobs.waiting >= u64::from(course.attempts)
            && commands.waiting + commands.unacked + pages.waiting + pages.unacked == 0;
        is_over.then_some(()).ok_or(format!("{jobs:?} {pages:?}"))
    })
    .await;
    let late = memory(process, "VmHWM");
    println!(
        "{} attempts asked for: {} KiB at most with {} of them, {} KiB with all",
        course.attempts,
        early / 1024,
        course.measured_at,
        late / 1024
    );
    assert!(late < early + GROWTH, "{early} to {late}");
    assert_eq!(asked_for(&site, &order).await, all, "none is missing");
    let cause = ReprocessRequested::cause_of(order.command);
    let distinct = format!(
        "SELECT count(DISTINCT lab_attempt_id) FROM verification_request WHERE cause = '{cause}'"
    );
    assert_eq!(
        site.house.number(&distinct).await,
        all,
        "none is there twice"
    );
    site.misses_nothing(0).await;
    site.stop(Service::AttemptWriter).await;
}
