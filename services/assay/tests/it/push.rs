//! Owns pushes as a forge makes them: the commit, the signed webhook, its answer, and what became
//! of it.

use reqwest::StatusCode;
use sample::delivery::{Push, SignedDelivery, sign};
use sample::lab::{make_lab, make_learner};
use sample::repository::{Change, Clock, Repository};
use serde_json::Value;
use testkit::wait;
use uuid::Uuid;

use crate::site::{SECRET, Site};

/// The lab's repository.
pub(crate) const LAB: &str = "course-2026/lab-calculator";
/// A learner's repository, which the lab's pattern enrols.
pub(crate) const LEARNER: &str = "course-2026/intro-ada";

/// A push that was posted.
pub(crate) struct Posted {
    /// The forge's id of it.
    pub(crate) forge_id: String,
    pub(crate) signed: SignedDelivery,
    /// Where the branch was; empty for one that is new.
    pub(crate) before: String,
    /// Where the branch is now.
    pub(crate) head: String,
    pub(crate) status: StatusCode,
    pub(crate) receipt: Value,
}

impl Site {
    /// The sample lab, published, and a learner's repository made from it.
    pub(crate) async fn publish_lab(&self) -> (Repository, Repository) {
        let lab = make_lab(&self.forge, LAB, Clock::Fixed).await;
        let lab = lab.expect("the lab's repository");
        self.assay_ok(&["lab", "publish", &lab.clone_url()]).await;
        let learner = make_learner(&self.forge, &lab, LEARNER, Clock::Fixed).await;
        (lab, learner.expect("the learner's repository"))
    }

    /// Commits to `main`, and posts the webhook that the forge would send.
    pub(crate) async fn push(&self, learner: &Repository, changes: &[Change<'_>]) -> Posted {
        let before = learner.head("main").await.expect("there is a commit");
        let after = learner.commit("main", "A change", changes).await;
        let after = after.expect("git makes a commit");
        let push = Push {
            branch: "main",
            before: Some(&before),
            after: Some(&after),
        };
        self.post_push(learner, push).await
    }

    /// Posts the webhook of a push that was made.
    pub(crate) async fn post_push(&self, learner: &Repository, push: Push<'_>) -> Posted {
        let payload = push.payload(learner).await.expect("git knows its commits");
        let forge_id = Uuid::now_v7().to_string();
        let signed = sign("push", &forge_id, &payload, SECRET);
        let (status, receipt) = self.post(&signed).await.expect("an answer");
        Posted {
            forge_id,
            signed,
            before: push.before.unwrap_or_default().to_owned(),
            head: push.after.unwrap_or_default().to_owned(),
            status,
            receipt,
        }
    }

    /// Posts a webhook.
    pub(crate) async fn post(
        &self,
        signed: &SignedDelivery,
    ) -> Result<(StatusCode, Value), reqwest::Error> {
        let mut request = self.client.post(self.hooks_url()).body(signed.body.clone());
        for (name, value) in &signed.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await?;
        let status = answer.status();
        Ok((status, answer.json().await.unwrap_or_default()))
    }

    /// Posts a webhook that must be answered with this status; gives the answer's body.
    pub(crate) async fn answers(
        &self,
        what: &str,
        sent: &SignedDelivery,
        status: StatusCode,
    ) -> Value {
        let (answered, body) = self.post(sent).await.expect("an answer");
        assert_eq!(answered, status, "{what}: {body}");
        body
    }

    /// The head of a request by hand, without what says how long the body is.
    pub(crate) fn request_head(&self, signed: &SignedDelivery) -> String {
        let mut head = format!(
            "POST /hooks/github HTTP/1.1\r\nhost: {}\r\n",
            self.hooks_address()
        );
        for (name, value) in &signed.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head
    }

    /// Checks that no request is missing, and that there are so many dead letters.
    pub(crate) async fn misses_nothing(&self, dead_letters: usize) {
        let status = self.assay_json(&["status", "--json"]).await;
        assert_eq!(status["missing"], 0, "{status}");
        assert_eq!(dead_in(&status), dead_letters, "{status}");
    }

    /// Waits until there are so many dead letters.
    pub(crate) async fn until_dead(&self, dead_letters: usize) {
        wait::until("each is a dead letter", async || {
            let dead = dead_in(&self.assay_json(&["status", "--json"]).await);
            (dead == dead_letters).then_some(()).ok_or(dead.to_string())
        })
        .await;
    }

    /// Waits until a push has its result and every entry of its trace is under a signed
    /// checkpoint; gives its timeline.
    pub(crate) async fn until_judged(&self, posted: &Posted) -> Value {
        assert_eq!(posted.status, StatusCode::ACCEPTED, "{}", posted.receipt);
        let what = format!("the push {} is judged", posted.forge_id);
        wait::until(&what, async || {
            let arguments = ["trace", "--json", &posted.forge_id];
            let said = self.assay(&arguments).await;
            let seen: Value = serde_json::from_str(&said.out).unwrap_or_default();
            let has = |list: &str, key: &str, wanted: fn(&Value) -> bool| {
                let list = seen[list].as_array().filter(|list| !list.is_empty());
                list.is_some_and(|list| list.iter().all(|item| wanted(&item[key])))
            };
            let judged = has("verifications", "result", Value::is_string);
            let signed = has("entries", "checkpoint_size", Value::is_number);
            let stages = seen["entries"].as_array().map_or(0, Vec::len);
            if judged && signed && stages >= STAGES {
                return Ok(seen);
            }
            Err(format!("{} {}", said.out, said.err))
        })
        .await
    }
}

/// A judged push has an entry of the attempt-writer, the snapshot-builder and the verifier.
const STAGES: usize = 3;

/// The number of dead letters that a status tells of.
fn dead_in(status: &Value) -> usize {
    let dead = |stream: &&Value| stream["name"] == "DEAD";
    let stream = status["streams"].as_array().unwrap().iter().find(dead);
    let messages = stream.and_then(|stream| stream["messages"].as_u64());
    usize::try_from(messages.expect("a count")).expect("a small one")
}
