//! Preserving what was pushed.

use contract::job::PreservedTree;
use contract::result::ErrorCause;
use contract::time::now;
use objects::reader::SnapshotReader;
use sample::lab::{FAILING, PASSING};
use serde_json::json;

use crate::office::Office;
use crate::world::sha;

const COUNTS: &str = "(SELECT count(*) FROM snapshot) * 10000 \
                      + (SELECT count(*) FROM attempt_snapshot) * 100 \
                      + (SELECT count(*) FROM audit_entry WHERE action = 'snapshots-preserved')";

#[tokio::test]
async fn a_push_is_preserved_recorded_and_sent_to_the_verifier() {
    let office = Office::open().await;
    let session = office.session().await;
    let learner = &office.world.learner;
    let one = sha(&learner.commit("main", "One", FAILING).await.unwrap());
    let two = sha(&learner.commit("main", "Two", PASSING).await.unwrap());
    let claims = json!({"added": [], "modified": ["calc.sh"], "removed": [], "listed": 1});
    let before = Some(&office.world.starting);
    let job = office
        .record_push(&session, "branch", before, &[&two, &one], claims)
        .await;
    office.bus.publish(&job).await.unwrap();

    let asked = office.verifications(1).await;
    let PreservedTree::Kept { digest } = asked[0].tree else {
        panic!("{asked:?}")
    };
    assert_eq!(asked[0].commit, two);
    assert_eq!(asked[0].request, job.attempts[0].request.unwrap());
    let reader = SnapshotReader::of_session(office.objects.clone(), session.id, session.lab);
    let manifest = reader.manifest(digest).await.unwrap();
    for (_, blob) in manifest.blobs() {
        reader.blob(blob).await.unwrap();
    }
    office.settled("snapshot-builder-live").await;
    assert_eq!(office.house.number(COUNTS).await, 2_02_01);
    let differs = "SELECT count(*) FROM attempt_snapshot WHERE differs IS NOT NULL";
    assert_eq!(office.house.number(differs).await, 0);

    // Delivered again, it finds all of it; the second request's message is the first one's copy.
    office.say_again(&job).await;
    office.settled("snapshot-builder-live").await;
    assert_eq!(office.house.number(COUNTS).await, 2_02_01);
    assert!(office.found(0).await.is_empty());
    assert_eq!(office.dead_letters().await, 0);
    office.close().await;
}

#[tokio::test]
async fn what_was_recorded_before_a_crash_is_still_published_after_it() {
    let office = Office::open().await;
    let session = office.session().await;
    let one = sha(&office
        .world
        .learner
        .commit("main", "One", PASSING)
        .await
        .unwrap());
    let job = office
        .record_push(&session, "branch", None, &[&one], json!(null))
        .await;
    let (attempt, digest) = (job.attempts[0].attempt, "ab".repeat(32));
    let snapshot = contract::ids::SnapshotId::new();
    office
        .house
        .sql(&format!(
            "INSERT INTO snapshot VALUES ('{snapshot}', '{}', '{digest}', 1, 1, 'earlier', now());
         INSERT INTO attempt_snapshot VALUES ('{attempt}', '{snapshot}', NULL, now())",
            session.id
        ))
        .await;
    office.bus.publish(&job).await.unwrap();
    let asked = office.verifications(1).await;
    assert_eq!(
        asked[0].tree,
        PreservedTree::Kept {
            digest: digest.parse().unwrap()
        }
    );
    assert_eq!(office.house.number(COUNTS).await, 1_01_00);
    office.close().await;
}

#[tokio::test]
async fn a_commit_that_the_forge_does_not_have_is_missing_and_no_failure() {
    let office = Office::open().await;
    let session = office.session().await;
    let one = sha(&office
        .world
        .learner
        .commit("main", "One", PASSING)
        .await
        .unwrap());
    let nowhere = sha(&"1".repeat(40));
    let mut job = office
        .record_push(&session, "branch", None, &[&nowhere, &one], json!(null))
        .await;
    job.attempts[1].request = Some(contract::ids::RequestId::new());
    job.try_number = 4;
    office.bus.publish(&job).await.unwrap();
    let mut asked = office.verifications(2).await;
    asked.sort_by_key(|asked| asked.commit == one);
    let PreservedTree::Missing { cause, detail } = &asked[0].tree else {
        panic!("{asked:?}")
    };
    assert_eq!(
        (*cause, detail.as_str()),
        (
            ErrorCause::SourceUnavailable,
            "the forge has no such commit"
        )
    );
    assert_eq!(asked[0].try_number, 4);
    assert!(
        matches!(asked[1].tree, PreservedTree::Kept { .. }),
        "{asked:?}"
    );
    office.settled("snapshot-builder-live").await;
    assert_eq!(office.house.number(COUNTS).await, 1_01_01);

    // The same try, once the commit could be fetched after all, is other work than the miss.
    let mut away = office
        .record_push(
            &session,
            "branch",
            None,
            &[&sha(&"2".repeat(40))],
            json!(null),
        )
        .await;
    away.push.repository = "elsewhere:course-1/intro-ada".parse().unwrap();
    office.bus.publish(&away).await.unwrap();
    let asked = office.verifications(3).await;
    let PreservedTree::Missing { detail, .. } = &asked[2].tree else {
        panic!("{asked:?}")
    };
    assert_eq!(detail, "the source elsewhere is not configured");
    office.close().await;
}

#[tokio::test]
async fn claims_that_do_not_hold_are_recorded_with_the_tree() {
    let office = Office::open().await;
    let session = office.session().await;
    let one = sha(&office
        .world
        .learner
        .commit("main", "One", PASSING)
        .await
        .unwrap());
    let claims = json!({"added": ["other.sh"], "modified": [], "removed": [], "listed": 1});
    let job = office
        .record_push(&session, "branch", None, &[&one], claims)
        .await;
    office.bus.publish(&job).await.unwrap();
    office.verifications(1).await;
    let differs = office
        .house
        .rows("SELECT differs FROM attempt_snapshot")
        .await;
    let differs: serde_json::Value = serde_json::from_str(&differs[0]).unwrap();
    let changed = &differs["differs"]["changed_files"];
    assert_eq!(changed["claimed_only"]["paths"], json!(["other.sh"]));
    assert_eq!(changed["git_only"]["paths"], json!(["calc.sh"]));
    office.close().await;
}

#[tokio::test]
async fn work_is_not_begun_before_its_time() {
    let office = Office::open().await;
    let session = office.session().await;
    let one = sha(&office
        .world
        .learner
        .commit("main", "One", PASSING)
        .await
        .unwrap());
    let mut job = office
        .record_push(&session, "branch", None, &[&one], json!(null))
        .await;
    let begin = now() + std::time::Duration::from_secs(1);
    job.not_before = Some(begin);
    office.bus.publish(&job).await.unwrap();
    office.verifications(1).await;
    let early = "SELECT count(*) FROM attempt_snapshot WHERE recorded_at < ";
    let early = format!("{early}'{}'", contract::time::to_text(begin));
    assert_eq!(office.house.number(&early).await, 0);
    office.close().await;
}

#[tokio::test]
async fn a_push_that_arrives_while_the_ledger_is_away_waits_for_it() {
    let mut office = Office::open().await;
    let session = office.session().await;
    let one = sha(&office
        .world
        .learner
        .commit("main", "One", PASSING)
        .await
        .unwrap());
    let job = office
        .record_push(&session, "branch", None, &[&one], json!(null))
        .await;
    // Postgres under test does not sync: what it was told must be on disk before it is killed.
    office.house.sql("CHECKPOINT").await;
    office.house.postgres_mut().kill().await.unwrap();
    office.bus.publish(&job).await.unwrap();
    office.house.postgres_mut().start_again().await.unwrap();
    let asked = office.verifications(1).await;
    assert!(
        matches!(asked[0].tree, PreservedTree::Kept { .. }),
        "{asked:?}"
    );
    office.settled("snapshot-builder-live").await;
    assert_eq!(office.house.number(COUNTS).await, 1_01_01);
    assert_eq!(office.dead_letters().await, 0);
    office.close().await;
}

#[tokio::test]
async fn a_second_try_puts_back_the_objects_that_a_recorded_tree_has_lost() {
    let office = Office::open().await;
    let session = office.session().await;
    let one = sha(&office
        .world
        .learner
        .commit("main", "One", PASSING)
        .await
        .unwrap());
    let mut job = office
        .record_push(&session, "branch", None, &[&one], json!(null))
        .await;
    office.bus.publish(&job).await.unwrap();
    office.verifications(1).await;
    // The session's own and the lab's, which it leans on; a folder without its identity would be
    // taken for one that is away.
    for entry in std::fs::read_dir(office.house.folder("objects")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    job.try_number = 2;
    office.bus.publish(&job).await.unwrap();
    let asked = office.verifications(2).await;
    let PreservedTree::Kept { digest } = asked[1].tree else {
        panic!("{asked:?}")
    };
    assert_eq!(
        (asked[1].tree.clone(), asked[1].try_number),
        (asked[0].tree.clone(), 2)
    );
    let reader = SnapshotReader::of_session(office.objects.clone(), session.id, session.lab);
    let manifest = reader.manifest(digest).await.unwrap();
    for (_, blob) in manifest.blobs() {
        reader.blob(blob).await.unwrap();
    }
    assert_eq!(office.house.number(COUNTS).await, 1_01_01);
    office.close().await;
}
