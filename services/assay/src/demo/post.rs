//! Owns the demo's post office: commits are made, and their webhooks are posted as a forge would.

use anyhow::Context as _;
use contract::digest::Digest;
use contract::ids::DeliveryId;
use contract::time::Timestamp;
use reqwest::{Client, StatusCode};
use sample::delivery::{Push, SignedDelivery, sign};
use sample::repository::Change;
use serde_json::Value;
use uuid::Uuid;

use crate::demo::checks::Checks;
use crate::demo::forge::Forge;
use crate::demo::show;
use crate::up::house::Endpoints;
use crate::up::overlay::SOURCE;

/// Posts webhooks to the house.
pub(crate) struct PostOffice<'a> {
    forge: &'a Forge,
    url: String,
    client: Client,
}

/// A push that was posted, with its receipt.
pub(crate) struct Posted {
    pub(crate) signed: SignedDelivery,
    pub(crate) id: DeliveryId,
    pub(crate) receipt: Value,
    /// What its reader has seen happen to it.
    pub(crate) said: Vec<(Timestamp, String)>,
}

impl<'a> PostOffice<'a> {
    pub(crate) fn new(forge: &'a Forge, endpoints: &Endpoints) -> Self {
        let url = format!("http://{}/hooks/{SOURCE}", endpoints.hooks);
        Self {
            forge,
            url,
            client: Client::new(),
        }
    }

    /// Commits, and posts the webhook that the forge would send.
    pub(crate) async fn push(
        &self,
        checks: &mut Checks,
        message: &str,
        changes: &[Change<'_>],
    ) -> anyhow::Result<Posted> {
        let learner = &self.forge.learner;
        let before = learner.head("main").await?;
        let after = learner.commit("main", message, changes).await?;
        let push = Push {
            branch: "main",
            before: Some(&before),
            after: Some(&after),
        };
        let payload = push.payload(learner).await?;
        let forge_delivery = Uuid::now_v7().to_string();
        let signed = sign("push", &forge_delivery, &payload, &self.forge.secret);
        let (status, receipt) = self.send(&signed).await?;
        let id = DeliveryId::compute(SOURCE, &forge_delivery);
        show::line(&format!("POST /hooks/{SOURCE} -> {status}"));
        show::line(&format!("receipt: {receipt}"));
        let (named, digest) = (id.to_string(), Digest::of(&signed.body).to_string());
        checks.that(
            "the webhook is answered 202 with a receipt",
            status == StatusCode::ACCEPTED
                && receipt["delivery"] == named.as_str()
                && receipt["digest"] == digest.as_str()
                && receipt["duplicate"] == false,
        );
        Ok(Posted {
            signed,
            id,
            receipt,
            said: Vec::new(),
        })
    }

    /// Posts a request; gives the answer's status and JSON.
    pub(crate) async fn send(
        &self,
        signed: &SignedDelivery,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let mut request = self.client.post(&self.url).body(signed.body.clone());
        for (name, value) in &signed.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.context("post the webhook")?;
        let status = response.status();
        let answer = response.json().await.context("read the answer")?;
        Ok((status, answer))
    }
}
