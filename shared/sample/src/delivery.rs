//! Owns the push webhook that GitHub would send for a sample repository, and its signature.

use anyhow::{Context, Result};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::git;
use crate::repository::{AUTHOR_EMAIL, AUTHOR_NAME, Repository};

/// The forge's name of the account that pushes.
pub const SENDER_LOGIN: &str = "example-learner";
/// The forge's number of the account that pushes.
pub const SENDER_ID: u64 = 583_231;
/// Most commits that GitHub lists in a push.
const COMMITS_MAX: usize = 2048;

/// A push to a branch.
#[derive(Clone, Copy, Debug)]
pub struct Push<'a> {
    /// The branch.
    pub branch: &'a str,
    /// The commit that the branch was at; `None` when the push makes the branch.
    pub before: Option<&'a str>,
    /// The commit that the branch is at; `None` when the push deletes the branch.
    pub after: Option<&'a str>,
}

/// A webhook request that is ready to be posted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedDelivery {
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body, whose very bytes are signed.
    pub body: Bytes,
}

/// Writes the body and signs it as GitHub does.
pub fn sign(event: &str, delivery: &str, payload: &Value, secret: &[u8]) -> SignedDelivery {
    sign_bytes(event, delivery, payload.to_string().into(), secret)
}

/// Signs a body, whatever it is, as GitHub does.
pub fn sign_bytes(event: &str, delivery: &str, body: Bytes, secret: &[u8]) -> SignedDelivery {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&body);
    let signature = hex::encode(mac.finalize().into_bytes());
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("user-agent", "GitHub-Hookshot/example".to_owned()),
        ("x-github-event", event.to_owned()),
        ("x-github-delivery", delivery.to_owned()),
        ("x-github-hook-id", "1".to_owned()),
        ("x-hub-signature-256", format!("sha256={signature}")),
    ];
    SignedDelivery { headers, body }
}

impl Push<'_> {
    /// The body of the `push` event, in GitHub's shape, its commits taken from git.
    ///
    /// # Errors
    /// What git says, where a commit does not exist for instance.
    pub async fn payload(&self, repository: &Repository) -> Result<Value> {
        let url = repository.html_url();
        let commits = self.commits(repository).await?;
        let compare = match (self.before, self.after) {
            (Some(before), Some(after)) => format!("{url}/compare/{before}...{after}"),
            (_, tip) => format!("{url}/commit/{}", tip.unwrap_or_default()),
        };
        let head = match self.after {
            Some(after) => commit(repository, after).await?,
            None => Value::Null,
        };
        let zero = "0".repeat(40);
        Ok(json!({
            "ref": format!("refs/heads/{}", self.branch),
            "before": self.before.unwrap_or(&zero),
            "after": self.after.unwrap_or(&zero),
            "repository": repository_part(repository),
            "pusher": { "name": SENDER_LOGIN, "email": AUTHOR_EMAIL },
            "sender": account(),
            "created": self.before.is_none(),
            "deleted": self.after.is_none(),
            "forced": self.is_forced(repository).await,
            "base_ref": null,
            "compare": compare,
            "commits": commits,
            "head_commit": head,
        }))
    }

    /// The commits that the push brought, oldest first, capped as GitHub caps them.
    async fn commits(&self, repository: &Repository) -> Result<Vec<Value>> {
        let Some(after) = self.after else {
            return Ok(vec![]);
        };
        let not_before = self.before.map(|before| format!("^{before}"));
        let mut arguments = vec!["rev-list", "--reverse", after];
        arguments.extend(not_before.as_deref());
        let list = git::run(repository.folder(), &arguments).await?;
        let mut commits = vec![];
        for sha in list.lines().take(COMMITS_MAX) {
            commits.push(commit(repository, sha).await?);
        }
        Ok(commits)
    }

    async fn is_forced(&self, repository: &Repository) -> bool {
        let (Some(before), Some(after)) = (self.before, self.after) else {
            return false;
        };
        let asked = ["merge-base", "--is-ancestor", before, after];
        git::run(repository.folder(), &asked).await.is_err()
    }
}

/// The body of the `ping` event, which a forge sends once for a new hook.
pub fn ping_payload(repository: &Repository) -> Value {
    json!({
        "zen": "Design for failure.",
        "hook_id": 1,
        "hook": { "type": "Repository", "id": 1, "active": true, "events": ["push"] },
        "repository": repository_part(repository),
        "sender": account(),
    })
}

async fn commit(repository: &Repository, sha: &str) -> Result<Value> {
    let folder = repository.folder();
    let format = "--format=%T%n%aI%n%B";
    let shown = git::run(folder, &["log", "-1", format, sha]).await?;
    let mut lines = shown.splitn(3, '\n');
    let mut line = || lines.next().context("git log said too little");
    let (tree, timestamp, message) = (line()?, line()?, line()?);
    let diff = [
        "diff-tree",
        "--root",
        "--no-commit-id",
        "--name-status",
        "--no-renames",
        "-r",
    ];
    let changed = git::run(folder, &[&diff[..], &["-z", sha]].concat()).await?;
    let fields: Vec<&str> = changed.split_terminator('\0').collect();
    let with = |status: &str| -> Vec<&str> {
        let pairs = fields.chunks_exact(2);
        pairs
            .filter(|pair| pair[0] == status)
            .map(|pair| pair[1])
            .collect()
    };
    let who = json!({ "name": AUTHOR_NAME, "email": AUTHOR_EMAIL, "username": SENDER_LOGIN });
    Ok(json!({
        "id": sha,
        "tree_id": tree,
        "distinct": true,
        "message": message.trim_end(),
        "timestamp": timestamp,
        "url": format!("{}/commit/{sha}", repository.html_url()),
        "author": who,
        "committer": who,
        "added": with("A"),
        "removed": with("D"),
        "modified": with("M"),
    }))
}

fn repository_part(repository: &Repository) -> Value {
    let full_name = repository.full_name();
    let (owner, name) = full_name.split_once('/').unwrap_or(("", full_name));
    // A number that stays the same for the same name, as a forge's does.
    let digest: [u8; 32] = Sha256::digest(full_name.to_ascii_lowercase()).into();
    let id = u32::from_be_bytes([0, digest[0], digest[1], digest[2]]);
    json!({
        "id": id,
        "name": name,
        "full_name": full_name,
        "private": true,
        "owner": { "name": owner, "login": owner, "id": id / 2, "type": "Organization" },
        "html_url": repository.html_url(),
        "description": null,
        "fork": false,
        "url": repository.html_url(),
        "clone_url": repository.clone_url(),
        "default_branch": "main",
        "master_branch": "main",
    })
}

fn account() -> Value {
    json!({ "login": SENDER_LOGIN, "id": SENDER_ID, "type": "User", "site_admin": false })
}
