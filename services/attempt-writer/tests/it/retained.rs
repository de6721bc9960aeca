//! What the rules of retention remove: logs and trees with their objects, and nothing that something
//! else needs. What somebody under a hold pushed stays.

use bytes::Bytes;
use contract::command::privacy::PrivacyOrder;
use contract::digest::Digest;
use contract::ids::{RequestId, SessionId};
use contract::time::{Timestamp, now};
use objects::manifest::{Blob, BlobKind, Content, Entry, Manifest};
use objects::owner::Owner;
use objects::path::TreePath;
use objects::store::Objects;
use serde_json::json;
use servers::postgres::OWNER;
use store::attempt_snapshot::AttemptSnapshotRow;
use store::snapshot::SnapshotRow;
use store::verification_attempt::VerificationRow;
use store::verification_claim;
use testkit::wait;
use uuid::Uuid;

use crate::deliveries::Delivery;
use crate::erased::by;
use crate::world::World;

/// The sample lab with rules of its own.
const RULED: &str = "[retention]\nlogs_days = 1\nsnapshots_days = 2\n";
const REPOSITORY: &str = "course-1/intro-1";

/// A session with its objects, and what its neighbours wrote of it.
struct Kept<'a> {
    world: &'a World,
    objects: Objects,
    owner: Owner,
}

impl Kept<'_> {
    async fn blob(&self, text: &'static str) -> Blob {
        let digest = self
            .objects
            .put(self.owner, Bytes::from_static(text.as_bytes()));
        Blob {
            kind: BlobKind::Regular,
            bytes: text.len() as u64,
            digest: digest.await.unwrap(),
        }
    }

    /// A tree of these files, recorded for the attempt of a delivery `days` ago.
    async fn tree(&self, of: &Delivery, days: i64, files: &[&'static str]) -> Digest {
        let mut entries = Vec::new();
        for file in files {
            entries.push(Entry {
                path: TreePath::new(format!("{file}.txt")).unwrap(),
                content: Content::Blob(self.blob(file).await),
            });
        }
        let manifest = Manifest::new(entries).unwrap();
        let put = self.objects.put(self.owner, manifest.to_text().into());
        let digest = put.await.unwrap();
        let at = ago(days);
        let Owner::Session(session) = self.owner else {
            unreachable!("the objects are a session's")
        };
        let snapshot = SnapshotRow {
            id: Uuid::now_v7(),
            lab_session_id: session.as_uuid(),
            digest: digest.to_string(),
            files: 1,
            bytes: 1,
            builder: "a test".to_owned(),
            recorded_at: at,
            again: None,
        };
        let row = AttemptSnapshotRow {
            lab_attempt_id: self.id("lab_attempt", of, "id").await,
            snapshot_id: snapshot.id,
            differs: None,
            recorded_at: at,
        };
        let store = self.world.house.store(OWNER, 1);
        let conn = &mut store.connection().await.unwrap();
        SnapshotRow::insert(conn, &[snapshot]).await.unwrap();
        AttemptSnapshotRow::insert(conn, &[row]).await.unwrap();
        digest
    }

    /// A result of a delivery's attempt with a log, `days` ago.
    async fn log(&self, of: &Delivery, days: i64, text: &'static str) -> Digest {
        let digest = self.blob(text).await.digest;
        let request = self
            .id(
                "verification_request AS r JOIN lab_attempt ON lab_attempt.id = lab_attempt_id",
                of,
                "r.id",
            )
            .await;
        let store = self.world.house.store(OWNER, 1);
        let conn = &mut store.connection().await.unwrap();
        let id = RequestId::from_uuid(request);
        let at = ago(days);
        let claim = verification_claim::claim(conn, id, 1, "w", at)
            .await
            .unwrap();
        let row = VerificationRow {
            id: Uuid::now_v7(),
            request_id: request,
            try_number: 1,
            token: claim.token,
            result: "pass".to_owned(),
            cause: None,
            detail: None,
            points: 1,
            points_max: 1,
            steps: json!([]),
            limits: json!({}),
            peaks: json!({}),
            snapshot_digest: Some("d".to_owned()),
            lab_version_digest: "d".to_owned(),
            log_digest: Some(digest.to_string()),
            log_bytes: Some(1),
            runner: "a test".to_owned(),
            worker: "w".to_owned(),
            retry_at: None,
            started_at: at,
            finished_at: at,
            recorded_at: at,
        };
        VerificationRow::insert(conn, &[row]).await.unwrap();
        digest
    }

    async fn id(&self, table: &str, of: &Delivery, column: &str) -> Uuid {
        let query = format!(
            "SELECT {column} AS id FROM {table} WHERE lab_attempt.delivery_id = '{}'",
            of.id()
        );
        let rows = self.world.rows(&query).await;
        rows[0]["id"].as_str().unwrap().parse().unwrap()
    }

    async fn has(&self, digest: Digest) -> bool {
        self.objects.exists(self.owner, digest).await.unwrap()
    }
}

fn ago(days: i64) -> Timestamp {
    now() - chrono::TimeDelta::days(days)
}

#[tokio::test]
async fn logs_and_trees_go_by_the_labs_rules_with_what_nothing_else_needs_and_a_hold_keeps_them() {
    let world = World::without_lab().await;
    world
        .publish_lab(&format!("{}\n{RULED}", sample::lab::LAB_TOML))
        .await;
    let writer = world.writer();
    let old = Delivery::new(&world, "old", &by(1, REPOSITORY, 2));
    let new = Delivery::new(&world, "new", &by(1, REPOSITORY, 3));
    world.deliver(&[old.clone(), new.clone()]).await;
    world.settled().await;
    let session = world.rows("SELECT id FROM lab_session").await;
    let session: SessionId = session[0]["id"].as_str().unwrap().parse().unwrap();
    let kept = Kept {
        world: &world,
        objects: Objects::open_folder(&world.house.folder("objects")).unwrap(),
        owner: Owner::Session(session),
    };
    let old_tree = kept.tree(&old, 3, &["alone", "shared"]).await;
    let new_tree = kept.tree(&new, 0, &["shared", "fresh"]).await;
    let old_log = kept.log(&old, 2, "an old log").await;
    let new_log = kept.log(&new, 0, "a new log").await;
    let stray = kept.blob("of a build that was broken off").await.digest;
    // Whoever asks for a tree to be verified uses it: that must be long ago as well.
    world
        .house
        .sql(
            "ALTER TABLE verification_request DISABLE TRIGGER refuse_row_change; \
             UPDATE verification_request SET recorded_at = now() - interval '3 days'; \
             ALTER TABLE verification_request ENABLE ALWAYS TRIGGER refuse_row_change",
        )
        .await;
    let person = world.pusher(&old).await;
    world.order(PrivacyOrder::Hold, person, "a lawsuit").await;
    let nothing = json!({ "plan": true, "raw_bodies": 0, "logs": 0, "snapshots": 0 });
    assert_eq!(world.retention(true).await, nothing, "they are held");
    world
        .order(PrivacyOrder::Release, person, "it is over")
        .await;
    let planned = json!({ "plan": true, "raw_bodies": 0, "logs": 1, "snapshots": 1 });
    assert_eq!(world.retention(true).await, planned);
    assert!(
        kept.has(old_tree).await && kept.has(old_log).await,
        "only planned"
    );

    let done = json!({ "plan": false, "raw_bodies": 0, "logs": 1, "snapshots": 1 });
    assert_eq!(world.retention(false).await, done);
    let alone = Digest::of(b"alone");
    for gone in [old_tree, old_log, alone, stray] {
        // The keeper comes to what could not be swept at once.
        wait::until("it is gone", async || match kept.has(gone).await {
            false => Ok(()),
            true => Err(gone.to_string()),
        })
        .await;
    }
    for (what, stays) in [
        ("the new tree", new_tree),
        ("the new log", new_log),
        ("what both have", Digest::of(b"shared")),
        ("what is new", Digest::of(b"fresh")),
    ] {
        assert!(kept.has(stays).await, "{what} stays");
    }
    assert_eq!(world.count("removal WHERE cause = 'retention'").await, 2);
    assert_eq!(world.count("snapshot").await, 2, "the rows stay");
    writer.stop().await;
}
