//! What identifies people lies sealed, and opens by the master key alone.

use attempt_writer::person::{self, Named};
use attempt_writer::seal::{MasterKeys, PersonKey};
use process::secret::Secret;
use process::settings::privacy::LoadedMasterKey;
use serde_json::Value;
use store::delivery_body::{self, BodyRow};
use store::person_key::{self, PersonKeyRow};
use store::principal;
use uuid::Uuid;

use crate::deliveries::{Delivery, Push};
use crate::world::{ENROLLED, MASTER_KEY, OTHER, World};

/// The master key of the tests.
pub(crate) fn masters() -> MasterKeys {
    MasterKeys::new(&[LoadedMasterKey {
        id: "first".to_owned(),
        secret: Secret::new(MASTER_KEY),
    }])
}

impl World {
    /// A row of every kept body, with the frame and the headers opened.
    pub(crate) async fn bodies(&self) -> Vec<(BodyRow, Option<Vec<u8>>, person::BodyHeaders)> {
        let store = self.house.store("assay_attempt_writer", 1);
        let mut conn = store.connection().await.unwrap();
        let names = "SELECT delivery_id, body_digest FROM privacy.delivery_body";
        let mut opened = Vec::new();
        for name in self.rows(names).await {
            let delivery = name["delivery_id"].as_str().unwrap().parse().unwrap();
            let digest = name["body_digest"].as_str().unwrap();
            let row = delivery_body::find(&mut conn, delivery, digest).await;
            let row = row.unwrap().unwrap();
            let keys = person_key::find(&mut conn, &[row.owner_id]).await.unwrap();
            let key = masters().unwrap(&keys[0]).unwrap();
            let name = person::name_of(&row);
            let sealed = row.sealed_body.as_ref();
            let frame = sealed.map(|sealed| person::open_frame(&name, sealed, &key).unwrap());
            let headers = person::open_headers(&name, &row.sealed_headers, &key).unwrap();
            opened.push((row, frame, headers));
        }
        opened
    }

    /// Everybody whom the ledger knows, opened.
    pub(crate) async fn people(&self) -> Vec<Named> {
        let store = self.house.store("assay_attempt_writer", 1);
        let mut conn = store.connection().await.unwrap();
        let ids = self.rows("SELECT principal_id FROM privacy.person").await;
        let id = |row: &Value| row["principal_id"].as_str().unwrap().parse().unwrap();
        let ids: Vec<Uuid> = ids.iter().map(id).collect();
        let mut people = Vec::new();
        for row in principal::persons(&mut conn, &ids).await.unwrap() {
            let key = self.key(row.principal_id).await.unwrap();
            people.push(Named::open(&row, &key).unwrap());
        }
        people
    }

    /// Every row of every table, as JSON, in one text.
    pub(crate) async fn everything(&self) -> String {
        let tables = "SELECT nspname || '.' || relname AS name FROM pg_class \
            JOIN pg_namespace ON pg_namespace.oid = relnamespace \
            WHERE relkind = 'r' AND nspname IN ('public', 'privacy', 'work')";
        let mut dump = String::new();
        for table in self.rows(tables).await {
            let table = table["name"].as_str().unwrap();
            let rows = format!("SELECT each::text AS line FROM {table} AS each");
            dump.push_str(&self.house.rows(&rows).await.concat());
        }
        dump
    }

    /// Somebody's key.
    pub(crate) async fn key(&self, owner: Uuid) -> Option<PersonKey> {
        let store = self.house.store("assay_attempt_writer", 1);
        let mut conn = store.connection().await.unwrap();
        let keys: Vec<PersonKeyRow> = person_key::find(&mut conn, &[owner]).await.unwrap();
        keys.first().map(|row| masters().unwrap(row).unwrap())
    }
}

#[tokio::test]
async fn no_table_holds_a_name_or_a_body_in_clear_and_the_master_key_opens_them() {
    let world = World::start().await;
    let pushes = [("a", ENROLLED), ("b", OTHER)];
    let deliveries = pushes.map(|(name, repository)| {
        Delivery::new(&world, name, &Push::new(repository, 1, &[2]).payload())
    });
    world.deliver(&deliveries).await;
    let writer = world.writer();
    world.settled().await;
    writer.stop().await;
    let dump = world.everything().await;
    for planted in [
        "example-learner",
        "A Learner",
        "@example.org",
        "x-github-event",
    ] {
        assert!(!dump.contains(planted), "{planted}");
        // Bytes are written in hexadecimal.
        assert!(!dump.contains(&hex::encode(planted)), "{planted}");
    }
    let people = world.people().await;
    let has = |told: &dyn Fn(&Named) -> bool| people.iter().any(told);
    assert!(has(
        &|named| named.login.as_deref() == Some("example-learner")
    ));
    assert!(has(&|named| named.email.as_deref() == Some("2@example.org")));
    let bodies = world.bodies().await;
    assert_eq!(bodies.len(), 2);
    for delivery in &deliveries {
        let id = delivery.received.delivery.as_uuid();
        let of_delivery = bodies.iter().find(|(row, ..)| row.delivery_id == id);
        let (row, frame, headers) = of_delivery.unwrap();
        let raw = zstd::bulk::decompress(frame.as_ref().unwrap(), delivery.body.len());
        assert_eq!(raw.unwrap(), delivery.body);
        assert_eq!(*headers, delivery.received.headers);
        // Whoever pushed: the one with the login.
        let owner = world.key(row.owner_id).await;
        assert!(owner.is_some());
    }
}
