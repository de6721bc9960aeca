//! A cache is looked for every twenty seconds.

use sample::lab::PASSING;
use serde_json::json;
use testkit::wait;
use uuid::Uuid;

use crate::office::Office;
use crate::world::sha;

#[tokio::test]
async fn the_cache_of_an_erased_persons_repository_is_thrown_away() {
    let office = Office::open().await;
    let session = office.session().await;
    let learner = &office.world.learner;
    let one = sha(&learner.commit("main", "One", PASSING).await.unwrap());
    let job = office
        .record_push(&session, "branch", None, &[&one], json!(null))
        .await;
    office.bus.publish(&job).await.unwrap();
    office.verifications(1).await;
    office.settled("snapshot-builder-live").await;
    let caches = || {
        let entries = std::fs::read_dir(office.house.folder("caches")).unwrap();
        let names = entries.map(|one| one.unwrap().file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(".git")).count()
    };
    // The lab's, and the person's.
    assert_eq!(caches(), 2);
    let person = Uuid::now_v7();
    let erase = format!(
        "INSERT INTO principal (id, provider, account, recorded_at) \
         VALUES ('{person}', 'github', 'hash', now()); \
         INSERT INTO push SELECT gen_random_uuid(), delivery_id, body_digest, repository, \
         'refs/heads/other', kind, before_sha, after_sha, forced, commits_listed, '{person}', \
         received_at, recorded_at FROM push LIMIT 1; \
         INSERT INTO erasure VALUES ('{}', gen_random_uuid(), '{person}', now(), now())",
        Uuid::now_v7()
    );
    office.house.sql(&erase).await;
    wait::until("its cache is gone", async || match caches() {
        1 => Ok(()),
        left => Err(format!("{left} caches")),
    })
    .await;
    office.close().await;
}
