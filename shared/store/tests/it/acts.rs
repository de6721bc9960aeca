//! What each role could wish to do with the server itself, and is refused.

use testkit::house::House;

use crate::grants::WRITERS;

/// Beyond the ledger: files and programs of the server, its settings, other roles, other sessions.
const ACTS: &[&str] = &[
    "COPY audit_entry TO '/tmp/assay-stolen'",
    "COPY audit_entry TO PROGRAM 'cat >/dev/null'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_reload_conf()",
    "SELECT pg_switch_wal()",
    "ALTER SYSTEM SET fsync = off",
    "ALTER DATABASE assay SET session_replication_role = replica",
    "ALTER ROLE assay_owner PASSWORD 'mine'",
    "CREATE ROLE mine SUPERUSER LOGIN",
    "CREATE DATABASE mine",
    "CREATE SCHEMA mine",
    "GRANT assay_owner TO assay_reader",
    "SET SESSION AUTHORIZATION assay_owner",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'assay_owner'",
    "UPDATE verification_attempt SET result = 'pass'",
    "DELETE FROM audit_entry",
    "TRUNCATE push",
    "CREATE TRIGGER mine BEFORE INSERT ON push FOR EACH ROW EXECUTE FUNCTION refuse_change()",
];

#[tokio::test]
async fn no_role_gets_beyond_its_tables_and_the_server_says_who_tried() {
    let house = House::with_postgres().await;
    // Somebody of the owner's to be cut off.
    let owner = house.store("assay_owner", 1);
    owner.ping().await.unwrap();
    for (role, _) in WRITERS {
        for act in ACTS {
            let tried = house.sql_as(role, act).await;
            let refusal = tried.expect_err(&format!("{role} did: {act}"));
            let said = ["permission denied", "must be", "must have"];
            let is_refusal = said.iter().any(|said| refusal.contains(said));
            assert!(is_refusal, "{role}: {act}: {refusal}");
        }
    }
    let log = std::fs::read_to_string(house.postgres().log()).unwrap();
    assert!(log.contains("ERROR:  permission denied"), "{log}");
}
