//! Migrations go up, and down, and up again.

use servers::postgres::OWNER;
use store::error::StoreError;
use store::migrate;
use testkit::house::House;

const LEFT: &str = "SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = \
    relnamespace WHERE nspname IN ('public', 'privacy') AND relname NOT LIKE '\\_\\_diesel%'";

#[tokio::test(flavor = "multi_thread")]
async fn every_migration_can_be_taken_back_and_run_again() {
    let house = House::with_postgres().await;
    let store = house.store(OWNER, 2);
    migrate::check(&store).await.unwrap();
    let made = house.number(LEFT).await;
    assert!(made > 20, "{made}");

    let reverted = migrate::down(&house.owner_url()).await.unwrap();
    assert_eq!(house.number(LEFT).await, 0);
    let roles = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'assay\\_%'";
    assert_eq!(house.number(roles).await, 1, "the owner alone is left");

    let run = migrate::up(&house.owner_url()).await.unwrap();
    assert_eq!(run.len(), reverted);
    assert_eq!(house.number(LEFT).await, made);
    migrate::check(&store).await.unwrap();
    assert_eq!(migrate::up(&house.owner_url()).await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_migrations_at_the_same_moment_do_not_harm_each_other() {
    let house = House::with_postgres().await;
    migrate::down(&house.owner_url()).await.unwrap();
    let url = house.owner_url();
    // In tasks of their own: a migration blocks its thread.
    let both = [url.clone(), url].map(|url| tokio::spawn(async move { migrate::up(&url).await }));
    let mut run = Vec::new();
    for one in both {
        run.push(one.await.unwrap().unwrap().len());
    }
    run.sort_unstable();
    assert_eq!(run[0], 0);
    assert!(run[1] > 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_without_our_newest_migration_is_refused_with_what_to_do() {
    let house = House::with_postgres().await;
    let store = house.store(OWNER, 2);
    house
        .sql(
            "DELETE FROM __diesel_schema_migrations WHERE version = \
             (SELECT max(version) FROM __diesel_schema_migrations)",
        )
        .await;
    let refused = migrate::check(&store).await.unwrap_err();
    assert!(matches!(refused, StoreError::Schema { .. }), "{refused:?}");
    assert!(!refused.is_transient());
    assert!(refused.to_string().contains("assay migrate"), "{refused}");

    house
        .sql("DROP VIEW schema_version; DROP TABLE __diesel_schema_migrations")
        .await;
    let refused = migrate::check(&store).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Schema { found, .. } if found == "nothing"),
        "{refused:?}"
    );
}
