//! Owns the pushes of the drill, noted for the checker, and the published log as files.

use std::fs;
use std::path::Path;

use contract::ids::DeliveryId;
use reqwest::StatusCode;
use sample::delivery::{Push, SignedDelivery, sign};
use sample::repository::{Change, Repository};
use serde_json::{Value, json};
use testkit::wait;
use witness::account::Account;

use crate::noted::Told;
use crate::site::{SECRET, Site};

/// A push that is about to be told of.
pub(super) struct Made {
    pub(super) before: String,
    pub(super) after: String,
    pub(super) guid: String,
    pub(super) signed: SignedDelivery,
}

impl Made {
    /// Posts the webhook, which is accepted.
    pub(super) async fn post(
        &self,
        site: &Site,
        account: &Account,
        repository: &str,
        result: &str,
    ) {
        let (status, receipt) = site.post(&self.signed).await.unwrap();
        assert_eq!(status, 202, "{receipt}");
        self.note(account, repository, result, &receipt);
    }

    /// Notes that the forge sent it, and was told that it is accepted: the receipt names the delivery
    /// that it must have become.
    pub(super) fn note_delivered(&self, account: &Account, repository: &str, result: &str) {
        let delivery = DeliveryId::compute("github", &self.guid);
        let receipt = json!({ "delivery": delivery });
        self.note(account, repository, result, &receipt);
    }

    /// Notes that it was sent, and accepted.
    fn note(&self, account: &Account, repository: &str, result: &str, receipt: &Value) {
        let told = Told {
            repository,
            before: &self.before,
            after: &self.after,
            result,
            forge_id: &self.guid,
            signed: &self.signed,
        };
        told.note(account, StatusCode::ACCEPTED, receipt);
    }
}

/// A commit, and the webhook that tells of it; by somebody else, where they are named.
pub(super) async fn made(repository: &Repository, change: &[Change<'_>], by: Option<&str>) -> Made {
    let before = repository.head("main").await.unwrap();
    let after = repository.commit("main", "A change", change).await.unwrap();
    let push = Push {
        branch: "main",
        before: Some(&before),
        after: Some(&after),
    };
    let mut payload: Value = push.payload(repository).await.unwrap();
    if let Some(login) = by {
        payload["sender"]["login"] = json!(login);
        payload["sender"]["id"] = json!(424_242);
        payload["pusher"]["name"] = json!(login);
    }
    let guid = uuid::Uuid::now_v7().to_string();
    let signed = sign("push", &guid, &payload, SECRET);
    Made {
        before,
        after,
        guid,
        signed,
    }
}

/// The newest published checkpoint.
pub(super) fn published(site: &Site) -> String {
    let log = site.folder().join("objects/log");
    let newest = [2, 1]
        .map(|epoch| log.join(epoch.to_string()).join("checkpoint"))
        .into_iter()
        .find(|note| note.exists());
    fs::read_to_string(newest.expect("a checkpoint is published")).unwrap()
}

/// Waits until all that was written is published.
pub(super) async fn until_published(site: &Site) {
    wait::until("the whole log is published", async || {
        let waiting = site
            .house
            .number("SELECT count(*) FROM ledger_pending")
            .await;
        let size = site.house.number("SELECT tree_size FROM log_head").await;
        let log = site.folder().join("objects/log");
        let has = [2, 1]
            .iter()
            .any(|epoch| log.join(format!("{epoch}/checkpoint")).exists());
        let said = has.then(|| tlog::checkpoint::said(&published(site)).unwrap());
        let there = said
            .as_ref()
            .is_some_and(|said| i64::try_from(said.size) == Ok(size));
        let done = waiting == 0 && there;
        done.then_some(())
            .ok_or(format!("{waiting} wait, {size} leaves, {said:?}"))
    })
    .await;
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let into = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &into),
            false => drop(fs::copy(&path, &into).unwrap()),
        }
    }
}
