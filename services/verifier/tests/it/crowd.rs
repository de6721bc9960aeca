//! Many requests at once, of one learner and of others: whose turn it is, and what a queue holds.

use contract::ids::{DeliveryId, PushId};
use contract::job::{PreservedTree, PushOfSession, VerificationRequested};
use objects::manifest::BlobKind::Regular;
use objects::owner::Owner;
use serde_json::{Value, json};
use testkit::wait;

use crate::workshop::{Session, TreeEntry, Workshop, commit};

/// A lab of one step that runs what the learner brings.
pub(crate) const LAB: &str = "[lab]\nslug = \"a\"\n[limits]\nmemory_mib = 64\ndisk_mib = 8\n\
    wall_seconds = 900\n[[step]]\nname = \"step\"\nrun = \"sh run.sh\"\n";
/// The same, where newer pushes take the place of older ones.
pub(crate) const SUPERSEDING: &str = "[lab]\nslug = \"a\"\n[verify]\nsupersede = true\n[limits]\n\
    memory_mib = 64\ndisk_mib = 8\nwall_seconds = 900\n\
    [[step]]\nname = \"step\"\nrun = \"sh run.sh\"\n";

/// The first of many pushes: it runs until others of its session wait for their turn.
const LONG: &str = "sleep 3\n";
/// Results that one wait is for.
const WAIT_FOR: usize = 25;

impl Workshop {
    /// A session of such a lab.
    pub(crate) async fn session_of(&self, toml: &str) -> Session {
        self.session(&[("lab.toml", Regular, toml)]).await
    }

    /// A further push of the session on a branch of its own, with a request to verify a tree whose
    /// program is this.
    pub(crate) async fn pushed(
        &self,
        session: &Session,
        (before, after): (Option<u128>, u128),
        program: &str,
    ) -> VerificationRequested {
        let push = PushId::new();
        let delivery = DeliveryId::compute("github", &push.to_string());
        let (before, after) = (before.map(commit), commit(after));
        let text = before.as_ref().map(|sha| format!("'{sha}'"));
        let text = text.unwrap_or_else(|| "NULL".to_owned());
        let repository = &session.push.repository;
        self.house.sql(&format!(
            "INSERT INTO delivery_receipt VALUES ('{delivery}', 'github', '{push}', 'd', gen_random_uuid(), 1, now());
             INSERT INTO delivery VALUES ('{delivery}', 'github', 'push', 'd', 1, 'k', 't', gen_random_uuid(), 1, now(), now());
             INSERT INTO push VALUES ('{push}', '{delivery}', 'd', '{repository}', 'refs/heads/work', 'branch', {text}, '{after}', false, 1, NULL, now(), now())"
        )).await;
        let push = PushOfSession {
            delivery,
            push,
            branch: "work".into(),
            before,
            after,
            ..session.push.clone()
        };
        let pushed = Session {
            id: session.id,
            version: session.version,
            push,
        };
        self.asked(&pushed, program).await
    }

    /// A request to verify a tree whose program is this.
    pub(crate) async fn asked(&self, session: &Session, program: &str) -> VerificationRequested {
        let tree: [TreeEntry<'_>; 1] = [("run.sh", Regular, program)];
        let digest = self.keep(Owner::Session(session.id), &tree).await;
        self.request(session, PreservedTree::Kept { digest }).await
    }

    /// Waits until there are so many results.
    pub(crate) async fn results(&self, count: i64) {
        wait::until("every request has its result", async || {
            let rows = "SELECT count(*) FROM verification_attempt";
            match self.house.number(rows).await {
                found if found >= count => Ok(()),
                found => Err(format!("{found} of {count}")),
            }
        })
        .await;
    }

    /// Waits until so many tries are claimed.
    pub(crate) async fn claimed(&self, count: i64) {
        wait::until("tries are claimed", async || {
            let claims = "SELECT count(*) FROM verification_claim";
            match self.house.number(claims).await {
                found if found >= count => Ok(()),
                found => Err(format!("{found} of {count}")),
            }
        })
        .await;
    }
}

/// One learner has pushed `many` commits before each of `others` other learners pushes one. Gives
/// how many of the one learner's were run in the live lane before the last of the others.
pub(crate) async fn crowd(many: usize, others: usize) {
    let mut workshop = Workshop::furnish().await;
    let hog = workshop.session_of(LAB).await;
    for number in 0..many {
        let program = if number == 0 { LONG } else { "true\n" };
        let job = workshop.asked(&hog, program).await;
        workshop.bus.publish(&job).await.unwrap();
    }
    for _ in 0..others {
        let session = workshop.session_of(LAB).await;
        let job = workshop.asked(&session, "true\n").await;
        workshop.bus.publish(&job).await.unwrap();
    }
    workshop.serve(2);
    for part in (WAIT_FOR..many + others).step_by(WAIT_FOR) {
        workshop.results(part.try_into().unwrap()).await;
    }
    workshop.results((many + others).try_into().unwrap()).await;
    workshop.unacked("verifier-live", 0).await;
    workshop.unacked("verifier-bulk", 0).await;
    workshop.close().await;

    let order = format!(
        "SELECT attempt.lab_session_id = '{}' AS hog, origin.lane, verification.result \
         FROM verification_attempt AS verification \
         JOIN verification_origin AS origin ON origin.verification_attempt_id = verification.id \
         JOIN verification_request AS request ON request.id = verification.request_id \
         JOIN lab_attempt AS attempt ON attempt.id = request.lab_attempt_id \
         ORDER BY verification.recorded_at",
        hog.id
    );
    let order: Vec<Value> = workshop
        .house
        .rows(&order)
        .await
        .iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    assert_eq!(order.len(), many + others, "each is run once");
    assert!(order.iter().all(|row| row["result"] == "pass"));
    let of_others = order.iter().filter(|row| row["hog"] == false);
    assert!(of_others.clone().all(|row| row["lane"] == "live"));
    let last = order.iter().rposition(|row| row["hog"] == false).unwrap();
    let before = order[..last].iter();
    let before = before.filter(|row| row["hog"] == true && row["lane"] == "live");
    let before = before.count();
    assert!(
        before <= 1,
        "{before} of the one's runs took a slot before the others'"
    );
    let bulk = order.iter().filter(|row| row["lane"] == "bulk").count();
    assert!(bulk > 0, "what waits goes on in the bulk lane");
    for table in ["work.turn", "work.lease", "verification_refused"] {
        let left = format!("SELECT count(*) FROM {table}");
        assert_eq!(workshop.house.number(&left).await, 0, "{table}");
    }
    let claims = "SELECT count(*) FROM verification_claim";
    let all = i64::try_from(many + others).unwrap();
    assert_eq!(
        workshop.house.number(claims).await,
        all,
        "none is begun twice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_learners_many_pushes_delay_nobody_by_more_than_one_run() {
    crowd(30, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_nobody_takes_holds_up_its_session_for_no_longer_than_its_time() {
    let mut workshop = Workshop::furnish().await;
    let session = workshop.session_of(LAB).await;
    let lost = workshop.asked(&session, "true\n").await;
    let waits = workshop.asked(&session, "true\n").await;
    // Another one has the turn, and its message is nowhere any more.
    let holds = |until: &str| {
        format!(
            "INSERT INTO work.turn (request_id, lab_session_id, held_until) \
             VALUES ('{}', '{}', {until}) \
             ON CONFLICT (request_id) DO UPDATE SET held_until = excluded.held_until",
            lost.request, session.id
        )
    };
    workshop
        .house
        .sql(&holds("now() + interval '1 hour'"))
        .await;
    workshop.bus.publish(&waits).await.unwrap();
    workshop.serve(1);
    let row = workshop.result(&waits).await;
    assert_eq!(row["result"], "pass", "the bulk lane ran it");
    workshop
        .house
        .sql(&holds("now() - interval '1 second'"))
        .await;
    let next = workshop.asked(&session, "true\n").await;
    workshop.bus.publish(&next).await.unwrap();
    workshop.result(&next).await;
    let lane = "SELECT count(*) FROM verification_origin WHERE lane = 'live'";
    assert_eq!(workshop.house.number(lane).await, 1, "it had the turn");
    workshop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_that_takes_its_workers_down_is_an_error_and_tried_again_later() {
    let mut workshop = Workshop::furnish().await;
    let session = workshop.session_of(LAB).await;
    let job = workshop.asked(&session, "true\n").await;
    let lost = format!(
        "INSERT INTO work.lease VALUES ('{}', 1, 1, 'lost', now() - interval '1 second', 2)",
        job.request
    );
    workshop.house.sql(&lost).await;
    workshop.bus.publish(&job).await.unwrap();
    workshop.serve(1);
    let row = workshop.result(&job).await;
    assert_eq!(
        (&row["result"], &row["cause"]),
        (&json!("error"), &json!("worker-lost"))
    );
    assert_ne!(row["retry_at"], Value::Null, "it is tried again");
    workshop.close().await;
}
