//! Owns what is noted for the checker of the pushes of a test, and asks it at the end. The checker
//! shares no code with the house.

use contract::digest::Digest;
use reqwest::StatusCode;
use sample::delivery::SignedDelivery;
use serde_json::{Value, json};
use servers::postgres::OWNER;
use witness::account::{Account, Answered};
use witness::programs::Programs;
use witness::verdict;

use crate::push::{LEARNER, Posted};
use crate::site::Site;

/// A push of one commit to `main`, as a webhook tells of it.
pub(crate) struct Told<'a> {
    /// `owner/name` at the source `github`; enrolled in a lab.
    pub(crate) repository: &'a str,
    pub(crate) before: &'a str,
    pub(crate) after: &'a str,
    /// How its commit must come out: `pass` or `fail`.
    pub(crate) result: &'a str,
    /// The forge's id of the delivery.
    pub(crate) forge_id: &'a str,
    pub(crate) signed: &'a SignedDelivery,
}

impl Told<'_> {
    /// Notes that it was sent, and how it was answered.
    pub(crate) fn note(&self, account: &Account, status: StatusCode, receipt: &Value) {
        let request = account.sent(&json!({
            "provider": "github",
            "source": "github",
            "forge_delivery": self.forge_id,
            "event": "push",
            "body_sha256": Digest::of(&self.signed.body).to_string(),
            "pushes": [{
                "repository": format!("github:{}", self.repository),
                "ref": "refs/heads/main",
                "before": self.before,
                "after": self.after,
                "commits": [self.after],
                "enrolled": true,
                "result": self.result,
            }],
        }));
        let answered = Answered::With(status.as_u16(), receipt.clone());
        account.answered(request, &answered);
    }
}

impl Posted {
    /// Notes that the learner's push was sent, and how it was answered.
    pub(crate) fn note(&self, account: &Account, result: &str) {
        self.note_answer(account, result, self.status, &self.receipt);
    }

    /// The same for another time that it was sent.
    pub(crate) fn note_answer(
        &self,
        account: &Account,
        result: &str,
        status: StatusCode,
        receipt: &Value,
    ) {
        let told = Told {
            repository: LEARNER,
            before: &self.before,
            after: &self.head,
            result,
            forge_id: &self.forge_id,
            signed: &self.signed,
        };
        told.note(account, status, receipt);
    }
}

impl Site {
    /// The checker holds what was answered against the ledger, and finds nothing lost, doubled,
    /// wrong or unaccounted for. The queues must have drained.
    pub(crate) async fn the_checker_agrees(&self, account: &Account) {
        let programs = Programs::find().unwrap();
        let ledger = self.house.database_url(OWNER);
        let verdict = verdict::ask(&programs.checker, account.path(), &ledger);
        let verdict = verdict.await.unwrap();
        assert!(verdict.is_good, "{}", verdict.table);
    }
}
