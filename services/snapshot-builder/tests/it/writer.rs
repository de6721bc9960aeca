//! Owns what attempt-writer would have written into the ledger before us.

use contract::command::LabPublishRequested;
use contract::ids::{
    AttemptId, CommandId, DeliveryId, LabId, LabVersionId, PushId, RequestId, SessionId,
};
use contract::job::{AttemptToPreserve, PushOfSession, SnapshotRequested};
use contract::message::Lane;
use contract::name::{CommitSha, Repository};
use contract::time::now;
use sample::lab::PASSING;
use serde_json::{Value, json};

use crate::office::Office;
use crate::world::sha;

/// A session of a lab that was published.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) lab: LabId,
    pub(crate) version: LabVersionId,
    pub(crate) repository: Repository,
}

impl Office {
    /// A session of the learner's repository with the newest version of the sample lab.
    pub(crate) async fn session(&self) -> Session {
        let published = self.publish_lab().await;
        self.opened(&published).await
    }

    /// The same with a lab that is published by this command.
    pub(crate) async fn session_of(&self, request: &LabPublishRequested) -> Session {
        self.bus.publish(request).await.unwrap();
        let published = self.command(request).await;
        self.opened(&published).await
    }

    async fn opened(&self, published: &Value) -> Session {
        let part = |name: &str| published["result"][name].as_str().unwrap().parse().unwrap();
        let (lab, version) = (
            LabId::from_uuid(part("lab")),
            LabVersionId::from_uuid(part("version")),
        );
        let id = SessionId::new();
        let repository: Repository = "github:course-1/intro-ada".parse().unwrap();
        let starting = &self.world.starting;
        let insert = format!(
            "INSERT INTO lab_session (id, lab_id, lab_version_id, repository, starting_commit, \
             opened_by, recorded_at) VALUES \
             ('{id}', '{lab}', '{version}', '{repository}', '{starting}', 'test', now())"
        );
        self.house.sql(&insert).await;
        Session {
            id,
            lab,
            version,
            repository,
        }
    }

    /// What attempt-writer writes of a push, and says of it. The first attempt bears a request.
    pub(crate) async fn record_push(
        &self,
        session: &Session,
        kind: &str,
        before: Option<&CommitSha>,
        listed: &[&CommitSha],
        changed_files: Value,
    ) -> SnapshotRequested {
        let delivery = DeliveryId::compute("github", &CommandId::new().to_string());
        let (push, lane) = (PushId::new(), CommandId::new());
        let (repository, after) = (&session.repository, listed[0]);
        self.house.sql(&format!(
            "INSERT INTO delivery_receipt VALUES ('{delivery}', 'github', '{push}', 'd', '{lane}', 1, now());
             INSERT INTO delivery VALUES ('{delivery}', 'github', 'push', 'd', 1, 'k', 't', '{lane}', 1, now(), now());
             INSERT INTO push VALUES ('{push}', '{delivery}', 'd', '{repository}', 'refs/heads/main', '{kind}', NULL, '{after}', false, 1, NULL, now(), now())"
        )).await;
        let mut attempts = Vec::new();
        for (at, commit) in listed.iter().enumerate() {
            let attempt = AttemptId::new();
            self.record_attempt(session, delivery, push, attempt, commit, &changed_files)
                .await;
            let request = (at == 0).then(RequestId::new);
            attempts.push(AttemptToPreserve {
                attempt,
                commit: (*commit).clone(),
                request,
            });
        }
        SnapshotRequested {
            push: PushOfSession {
                delivery,
                push,
                session: session.id,
                lab_version: session.version,
                repository: repository.clone(),
                branch: "main".into(),
                before: before.cloned(),
                after: listed[0].clone(),
                starting: Some(self.world.starting.clone()),
                received_at: now(),
            },
            attempts,
            part: 0,
            lists: false,
            try_number: 1,
            not_before: None,
            lane: Lane::Live,
        }
    }

    /// The learner's first commit, pushed to a session and preserved.
    pub(crate) async fn preserve_one(&self, session: &Session) -> (CommitSha, SnapshotRequested) {
        let commit = self.world.learner.commit("main", "One", PASSING).await;
        let commit = sha(&commit.unwrap());
        let job = self
            .record_push(session, "branch", None, &[&commit], json!(null))
            .await;
        self.bus.publish(&job).await.unwrap();
        self.verifications(1).await;
        self.settled("snapshot-builder-live").await;
        (commit, job)
    }

    pub(crate) async fn record_attempt(
        &self,
        session: &Session,
        delivery: DeliveryId,
        push: PushId,
        attempt: AttemptId,
        commit: &CommitSha,
        changed_files: &Value,
    ) {
        let id = session.id;
        self.house.sql(&format!(
            "INSERT INTO lab_attempt VALUES ('{attempt}', '{id}', '{push}', '{delivery}', '{commit}', \
             'main', NULL, '{changed_files}', NULL, now(), 'payload', 't', now())"
        )).await;
    }
}
