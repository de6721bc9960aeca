//! A cache is looked for every twenty seconds.

use testkit::wait;
use uuid::Uuid;

use crate::office::Office;

#[tokio::test]
async fn the_cache_of_an_erased_persons_repository_is_thrown_away() {
    let office = Office::open().await;
    let session = office.session().await;
    office.preserve_one(&session).await;
    // The lab's, and the person's.
    assert_eq!(office.caches(), 2);
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
    wait::until("its cache is gone", async || match office.caches() {
        1 => Ok(()),
        left => Err(format!("{left} caches")),
    })
    .await;
    office.close().await;
}
