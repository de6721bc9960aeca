//! What is referred to is there: rows that refer to tables that only grow are looked up by set, in the
//! place of foreign keys (decision 0160).

use servers::postgres::OWNER;
use testkit::house::House;

use crate::filled::Filled;

/// Each reference that is checked by set, with what makes a copied row one of its own.
const REFERENCES: [(&str, &str, &str); 13] = [
    ("delivery", "id", "{}"),
    ("push", "delivery_id", r#"{"ref_name": "other"}"#),
    ("push", "pusher_id", r#"{"ref_name": "other"}"#),
    (
        "lab_attempt",
        "lab_session_id",
        r#"{"commit_sha": "other"}"#,
    ),
    ("lab_attempt", "push_id", r#"{"commit_sha": "other"}"#),
    ("lab_attempt", "delivery_id", r#"{"commit_sha": "other"}"#),
    ("lab_attempt", "author_id", r#"{"commit_sha": "other"}"#),
    (
        "verification_request",
        "lab_attempt_id",
        r#"{"cause": "other"}"#,
    ),
    (
        "verification_request",
        "lab_version_id",
        r#"{"cause": "other"}"#,
    ),
    ("verification_claim", "request_id", r#"{"token": 99}"#),
    (
        "verification_attempt",
        "request_id",
        r#"{"try_number": 99}"#,
    ),
    (
        "privacy.delivery_body",
        "delivery_id",
        r#"{"body_digest": "other"}"#,
    ),
    ("privacy.named_in_body", "principal_id", "{}"),
];

/// Inserts a row of the table once more: with an id and these columns of its own, and with `referred`
/// in place of what it refers to.
fn copied(table: &str, own: &str, column: &str, referred: &str) -> String {
    format!(
        "INSERT INTO {table} SELECT copied.* FROM (SELECT * FROM {table} LIMIT 1) AS known, \
         jsonb_populate_record(NULL::{table}, to_jsonb(known) \
             || jsonb_build_object('id', gen_random_uuid()) || '{own}'::jsonb \
             || jsonb_build_object('{column}', {referred})) AS copied"
    )
}

#[tokio::test]
async fn a_row_that_refers_to_nothing_is_refused_and_one_that_refers_to_something_is_not() {
    let house = House::with_postgres().await;
    Filled::fill(&house).await;
    for (table, column, own) in REFERENCES {
        let nowhere = copied(table, own, column, "gen_random_uuid()");
        let refusal = house.sql_as(OWNER, &nowhere).await.unwrap_err();
        let said = format!(
            "a row of {} refers to what is not there",
            table.replace("privacy.", "")
        );
        assert!(refusal.contains(&said), "{table}.{column}: {refusal}");
        // Its key is what it refers to: there can be no other.
        if own != "{}" {
            let known = copied(table, own, column, &format!("known.{column}"));
            let undone = format!("BEGIN; {known}; ROLLBACK");
            house
                .sql_as(OWNER, &undone)
                .await
                .expect("what refers is written");
        }
    }
}

#[tokio::test]
async fn one_of_many_rows_that_refers_to_nothing_has_all_refused_and_nobody_need_be_named() {
    let house = House::with_postgres().await;
    Filled::fill(&house).await;
    let many = |author: &str| {
        format!(
            "INSERT INTO lab_attempt SELECT copied.* FROM generate_series(1, 100) AS number, \
             (SELECT * FROM lab_attempt LIMIT 1) AS known, jsonb_populate_record( \
                 NULL::lab_attempt, to_jsonb(known) || jsonb_build_object( \
                     'id', gen_random_uuid(), 'commit_sha', number, 'author_id', {author})) AS copied"
        )
    };
    let count = "SELECT count(*) FROM lab_attempt";
    let before = house.number(count).await;
    let last = many("CASE WHEN number = 100 THEN gen_random_uuid() END");
    let refusal = house.sql_as(OWNER, &last).await.unwrap_err();
    assert!(refusal.contains("refers to what is not there"), "{refusal}");
    assert_eq!(house.number(count).await, before);
    house.sql(&many("NULL::uuid")).await;
    assert_eq!(house.number(count).await, before + 100);
}

#[tokio::test]
async fn each_reference_to_a_table_that_only_grows_is_checked_once() {
    let house = House::with_postgres().await;
    let by_set: Vec<&str> = REFERENCES.map(|(table, ..)| table).into();
    let twice = house
        .rows(&format!(
            "SELECT conrelid::regclass::text AS table_name, conname FROM pg_constraint \
             JOIN pg_trigger ON tgrelid = confrelid AND tgname = 'refuse_row_change' \
             WHERE contype = 'f' AND conrelid = ANY ('{{{}}}'::regclass[])",
            by_set.join(",")
        ))
        .await;
    assert_eq!(twice, [""; 0], "foreign keys beside the checks by set");
}

/// A row that says of the first person that a body names them.
fn named(delivery: &str, digest: &str) -> String {
    format!(
        "INSERT INTO privacy.named_in_body (principal_id, delivery_id, body_digest) \
         SELECT id, {delivery}, {digest} FROM principal ORDER BY id LIMIT 1"
    )
}

#[tokio::test]
async fn whom_a_body_names_is_said_of_bodies_that_are_there_and_of_the_transactions_own() {
    let house = House::with_postgres().await;
    Filled::fill(&house).await;
    house.sql("DELETE FROM privacy.named_in_body").await;
    let nowhere = named("gen_random_uuid()", "'d'");
    let refusal = house.sql_as(OWNER, &nowhere).await.unwrap_err();
    assert!(refusal.contains("refers to what is not there"), "{refusal}");

    let of_body = |column: &str| format!("(SELECT {column} FROM privacy.delivery_body LIMIT 1)");
    let there = named(&of_body("delivery_id"), &of_body("body_digest"));
    house.sql(&there).await;
    let removed = "DELETE FROM privacy.delivery_body";
    let refusal = house.sql_as(OWNER, removed).await.unwrap_err();
    assert!(refusal.contains("is still referred to"), "{refusal}");
    // In the order in which bodies are removed.
    house.sql("DELETE FROM privacy.named_in_body").await;

    let own = copied(
        "privacy.delivery_body",
        r#"{"body_digest": "own"}"#,
        "delivery_id",
        "known.delivery_id",
    );
    let both = format!(
        "BEGIN; {own}; {}; COMMIT",
        named(&of_body("delivery_id"), "'own'")
    );
    house.sql_as(OWNER, &both).await.unwrap();
    assert_eq!(
        house
            .number("SELECT count(*) FROM privacy.named_in_body")
            .await,
        1
    );
}

#[tokio::test]
async fn a_body_that_was_there_before_does_not_go_while_somebody_says_whom_it_names() {
    let house = House::with_postgres().await;
    Filled::fill(&house).await;
    house.sql("DELETE FROM privacy.named_in_body").await;
    let of_body = |column: &str| format!("(SELECT {column} FROM privacy.delivery_body LIMIT 1)");
    let named = named(&of_body("delivery_id"), &of_body("body_digest"));
    // Whoever removes the body meanwhile waits, and is refused when the name is there.
    let naming = format!("BEGIN; {named}; SELECT pg_sleep(1); COMMIT");
    let removing = async {
        let is_named = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        testkit::wait::until("it is being named", async || {
            (house.number(is_named).await > 0)
                .then_some(())
                .ok_or_else(|| "not yet".to_owned())
        })
        .await;
        house
            .sql_as(OWNER, "DELETE FROM privacy.delivery_body")
            .await
    };
    let (naming, removing) = tokio::join!(house.sql_as(OWNER, &naming), removing);
    naming.unwrap();
    let refusal = removing.unwrap_err();
    assert!(refusal.contains("is still referred to"), "{refusal}");
}
