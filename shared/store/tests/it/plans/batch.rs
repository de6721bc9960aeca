//! What the batches of attempt-writer look up.

use super::{LARGE, SCANNED, Scanned};
use contract::ids::RequestId;
use diesel::sql_query;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use servers::postgres::OWNER;
use store::transaction::LedgerConnection;
use store::{
    attempt, delivery, erasure, lab_session, person_key, principal, transaction, verification_stand,
};
use testkit::house::House;
use uuid::Uuid;

/// What a batch looks up.
struct Looks {
    tries: Vec<(RequestId, i32)>,
    sessions: Vec<Uuid>,
    commits: Vec<String>,
    deliveries: Vec<Uuid>,
    repositories: Vec<String>,
}

impl Looks {
    /// Of 400 of the ledger's attempts.
    async fn of(house: &House) -> Self {
        const ASKED: &str = "SELECT request.id, attempt.lab_session_id, attempt.commit_sha, \
            attempt.delivery_id, push.repository \
            FROM verification_request AS request JOIN lab_attempt AS attempt \
            ON attempt.id = lab_attempt_id JOIN push ON push.id = attempt.push_id LIMIT 400";
        let rows = house.rows(ASKED).await;
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| serde_json::from_str(row).unwrap())
            .collect();
        let texts = |name: &str| -> Vec<String> {
            let texts = rows.iter().map(|row| row[name].as_str().unwrap());
            texts.map(str::to_owned).collect()
        };
        let ids = |name: &str| -> Vec<Uuid> {
            let ids = texts(name).into_iter().map(|text| text.parse());
            ids.map(Result::unwrap).collect()
        };
        let requests = ids("id").into_iter().map(RequestId::from_uuid);
        Self {
            tries: requests.map(|request| (request, 1)).collect(),
            sessions: ids("lab_session_id"),
            commits: texts("commit_sha"),
            deliveries: ids("delivery_id"),
            repositories: texts("repository"),
        }
    }

    /// Of 400 that are not there.
    fn in_vain() -> Self {
        let ids = || (0..400).map(|_| Uuid::now_v7()).collect();
        let requests: Vec<Uuid> = ids();
        let requests = requests.into_iter().map(RequestId::from_uuid);
        Self {
            tries: requests.map(|request| (request, 1)).collect(),
            sessions: ids(),
            commits: vec!["c".to_owned(); 400],
            deliveries: ids(),
            repositories: vec!["github:a/r".to_owned(); 400],
        }
    }

    /// Looks all of it up; how many were found of each, and how the tables were gone through.
    async fn run(&self, conn: &mut LedgerConnection) -> ([usize; 5], Vec<Scanned>) {
        const TABLES: &str = "WHERE relname IN ('verification_attempt', 'verification_request', \
            'lab_attempt', 'delivery_receipt', 'lab_session', 'push', 'person_key', 'person', 'erasure')";
        let scanned = &format!("{SCANNED} {TABLES}");
        let both = transaction::by_keys(conn, async |conn: &mut _| {
            let stands = verification_stand::of(conn, &self.tries).await?;
            let commits: Vec<&str> = self.commits.iter().map(String::as_str).collect();
            let named = attempt::named(conn, &self.sessions, &commits).await?;
            let receipts = delivery::receipts_of(conn, &self.deliveries).await?;
            let repositories: Vec<&str> = self.repositories.iter().map(String::as_str).collect();
            let sessions = lab_session::of_repositories(conn, &repositories).await?;
            let waiting = delivery::unmatched_repositories(conn, &repositories).await?;
            person_key::hold(conn, &self.sessions).await?;
            principal::persons_there(conn, &self.sessions).await?;
            erasure::of_people(conn, &self.sessions).await?;
            let found = [
                stands.iter().filter(|stand| stand.is_over).count(),
                named.len(),
                receipts.len(),
                sessions.len(),
                waiting.len(),
            ];
            Ok((found, sql_query(scanned).load(conn).await?))
        });
        both.await.unwrap()
    }
}

fn assert_by_keys(scanned: Vec<Scanned>) {
    assert_eq!(scanned.len(), 9);
    for table in scanned {
        assert_eq!(table.whole, 0, "{}", table.relname);
        assert!(table.by_index > 0, "{}", table.relname);
    }
}

#[tokio::test]
async fn what_a_batch_finds_is_asked_by_keys_and_never_by_a_hash_of_a_table() {
    let house = House::with_postgres().await;
    house.sql(LARGE).await;
    let looks = Looks::of(&house).await;
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    let ([stands, named, ..], scanned) = looks.run(conn).await;
    assert_eq!([stands, named], [400, 400]);
    assert_by_keys(scanned);
}

#[tokio::test]
async fn what_was_planned_while_the_tables_were_empty_goes_by_keys_when_they_are_large() {
    let house = House::with_postgres().await;
    // Then the planner knows that they are empty, and nothing is cheaper than to read them whole.
    house.sql("VACUUM").await;
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    // A plan is kept from the sixth time on.
    for _ in 0..6 {
        let (found, _) = Looks::in_vain().run(conn).await;
        assert_eq!(found, [0; 5]);
    }
    // Nobody has counted them yet: that would have everything planned anew.
    house.sql(LARGE.strip_suffix("ANALYZE").unwrap()).await;
    let ([stands, named, receipts, sessions, waiting], scanned) =
        Looks::of(&house).await.run(conn).await;
    assert_eq!([stands, named], [400, 400]);
    assert!(receipts > 0 && sessions > 0);
    assert_eq!(waiting, 0);
    assert_by_keys(scanned);
}
