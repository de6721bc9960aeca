//! The rules of the ledger, asked of the live catalogue for every table there is. Whoever adds a
//! table adds it to no list here.

use testkit::house::House;

/// Every table of ours, its partitions included.
const OURS: &str = "SELECT c.oid, n.nspname, c.relname, c.relowner, c.relacl FROM pg_class c \
    JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
    AND c.relname NOT LIKE '\\_\\_diesel%'";
/// Of those, the ones that only grow: not the log's outbox and head, not what must be erasable.
const LEDGER: &str = "nspname = 'public' AND relname NOT IN ('ledger_pending', 'log_head')";

/// No row may come; each that does breaks the rule.
async fn nothing_breaks(rule: &str) {
    let house = House::with_postgres().await;
    let tables = house
        .number(&format!("SELECT count(*) FROM ({OURS}) t WHERE {LEDGER}"))
        .await;
    assert!(tables > 15, "the ledger is not where it was: {tables}");
    assert_eq!(house.rows(rule).await, [""; 0]);
}

#[tokio::test]
async fn every_ledger_table_has_the_two_guards_and_they_always_fire() {
    // Bits of `tgtype`: 1 for each row, 2 before, 8 DELETE, 16 UPDATE, 32 TRUNCATE.
    nothing_breaks(&format!(
        "SELECT relname, wanted FROM ({OURS}) t CROSS JOIN (VALUES (27), (34)) AS w (wanted) \
         WHERE {LEDGER} AND NOT EXISTS ( \
             SELECT FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid \
             WHERE g.tgrelid = t.oid AND g.tgtype = wanted AND g.tgenabled = 'A' \
             AND g.tgqual IS NULL AND g.tgattr = '' AND p.proname = 'refuse_change')"
    ))
    .await;
}

#[tokio::test]
async fn nobody_but_the_owner_may_change_a_ledger_table_or_its_triggers() {
    nothing_breaks(&format!(
        "SELECT relname, acl.grantee::regrole::text, acl.privilege_type \
         FROM ({OURS}) t CROSS JOIN LATERAL aclexplode(t.relacl) AS acl \
         WHERE {LEDGER} AND acl.grantee <> t.relowner \
         AND acl.privilege_type NOT IN ('SELECT', 'INSERT')"
    ))
    .await;
    // A right to a single column is a right too.
    nothing_breaks(&format!(
        "SELECT relname, attname FROM ({OURS}) t JOIN pg_attribute a ON a.attrelid = t.oid \
         WHERE a.attacl IS NOT NULL"
    ))
    .await;
}

#[tokio::test]
async fn nobody_may_grant_anything_on() {
    nothing_breaks(&format!(
        "SELECT relname, acl.grantee::regrole::text FROM ({OURS}) t \
         CROSS JOIN LATERAL aclexplode(t.relacl) AS acl \
         WHERE acl.grantee <> t.relowner AND (acl.is_grantable OR acl.grantee = 0)"
    ))
    .await;
}

#[tokio::test]
async fn a_services_role_is_nobody_else_and_nothing_more() {
    nothing_breaks(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'assay\\_%' \
         AND rolname <> 'assay_owner' AND (rolsuper OR rolcreaterole OR rolcreatedb OR \
             rolreplication OR rolbypassrls OR rolinherit)",
    )
    .await;
    nothing_breaks(
        "SELECT member::regrole::text, roleid::regrole::text FROM pg_auth_members \
         WHERE member::regrole::text LIKE 'assay\\_%' OR roleid::regrole::text LIKE 'assay\\_%'",
    )
    .await;
}

#[tokio::test]
async fn every_table_belongs_to_the_owner_alone() {
    nothing_breaks(&format!(
        "SELECT relname FROM ({OURS}) t WHERE relowner <> 'assay_owner'::regrole"
    ))
    .await;
}

#[tokio::test]
async fn every_foreign_key_has_an_index_that_begins_with_its_columns() {
    nothing_breaks(
        "SELECT conrelid::regclass::text AS t, conname FROM pg_constraint f \
         WHERE contype = 'f' AND NOT EXISTS ( \
             SELECT FROM pg_index i WHERE i.indrelid = f.conrelid AND i.indisvalid \
             AND i.indpred IS NULL \
             AND (i.indkey::int2[])[0:cardinality(f.conkey) - 1] @> f.conkey)",
    )
    .await;
}

#[tokio::test]
async fn every_table_has_a_primary_key() {
    nothing_breaks(&format!(
        "SELECT relname FROM ({OURS}) t WHERE NOT EXISTS ( \
             SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)"
    ))
    .await;
}

#[tokio::test]
async fn every_time_is_a_timestamptz() {
    nothing_breaks(&format!(
        "SELECT relname, attname, format_type(atttypid, atttypmod) FROM ({OURS}) t \
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped \
         JOIN pg_type y ON y.oid = a.atttypid \
         WHERE y.typcategory = 'D' AND y.typname <> 'timestamptz' \
         OR attname ~ '_at$' AND y.typname <> 'timestamptz'"
    ))
    .await;
}

#[tokio::test]
async fn every_ledger_table_says_when_a_row_was_written() {
    nothing_breaks(&format!(
        "SELECT relname FROM ({OURS}) t WHERE {LEDGER} AND NOT EXISTS ( \
             SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'recorded_at' \
             AND a.attnotnull)"
    ))
    .await;
}
