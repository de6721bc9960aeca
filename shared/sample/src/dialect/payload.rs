//! Owns the shapes in which forges describe a push to a branch, each with its own cap on commits.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::delivery::{Push, SENDER_ID, SENDER_LOGIN};
use crate::dialect::Dialect;
use crate::git;
use crate::repository::{AUTHOR_EMAIL, AUTHOR_NAME, Repository};

/// Most commits that GitLab lists: the newest, the oldest of them first.
const GITLAB_MAX: usize = 20;
/// Most commits that Gitea, Forgejo and Bitbucket list: the newest, the newest first.
const FEW_MAX: usize = 5;

/// What a forge says of a push.
struct Told<'a> {
    repository: &'a Repository,
    push: Push<'a>,
    /// GitHub's words for it, out of which the others are made.
    hub: Value,
    /// All commits that it brought, oldest first, as far as GitHub lists them.
    commits: Vec<Value>,
    total: u64,
}

/// The body of the event, its commits taken from git.
pub(super) async fn of(dialect: Dialect, repository: &Repository, push: Push<'_>) -> Result<Value> {
    let hub = push.payload(repository).await?;
    let commits = hub["commits"].as_array().cloned().unwrap_or_default();
    let total = total(repository, push).await?;
    let told = Told {
        repository,
        push,
        hub,
        commits,
        total,
    };
    Ok(match dialect {
        Dialect::Github => told.hub,
        Dialect::GitlabToken | Dialect::GitlabSigned => told.gitlab(),
        Dialect::Gitea | Dialect::Forgejo => told.gitea(),
        Dialect::Bitbucket => told.bitbucket(),
        Dialect::StandardWebhooks => told.standard(),
    })
}

async fn total(repository: &Repository, push: Push<'_>) -> Result<u64> {
    let Some(after) = push.after else {
        return Ok(0);
    };
    let not_before = push.before.map(|before| format!("^{before}"));
    let mut arguments = vec!["rev-list", "--count", after];
    arguments.extend(not_before.as_deref());
    let count = git::run(repository.folder(), &arguments).await?;
    count.parse().context("git counts in numbers")
}

impl Told<'_> {
    fn newest_first(&self, most: usize) -> Vec<Value> {
        self.commits.iter().rev().take(most).cloned().collect()
    }

    fn gitlab(&self) -> Value {
        let mut commits = self.newest_first(GITLAB_MAX);
        commits.reverse();
        let url = self.repository.html_url();
        json!({
            "object_kind": "push",
            "event_name": "push",
            "before": self.hub["before"],
            "after": self.hub["after"],
            "ref": self.hub["ref"],
            "ref_protected": false,
            "checkout_sha": self.push.after,
            "message": null,
            "user_id": SENDER_ID,
            "user_name": AUTHOR_NAME,
            "user_username": SENDER_LOGIN,
            "user_email": AUTHOR_EMAIL,
            "project_id": 15,
            "project": {
                "id": 15,
                "web_url": url,
                "git_http_url": self.repository.clone_url(),
                "path_with_namespace": self.repository.full_name(),
                "default_branch": "main",
            },
            "commits": commits,
            "total_commits_count": self.total,
            "push_options": {},
            "repository": { "name": "example", "homepage": url },
        })
    }

    fn gitea(&self) -> Value {
        let person = json!({
            "id": SENDER_ID, "login": SENDER_LOGIN, "full_name": AUTHOR_NAME,
            "email": AUTHOR_EMAIL, "username": SENDER_LOGIN,
        });
        json!({
            "ref": self.hub["ref"],
            "before": self.hub["before"],
            "after": self.hub["after"],
            "compare_url": self.hub["compare"],
            "commits": self.newest_first(FEW_MAX),
            "total_commits": self.total,
            "head_commit": self.hub["head_commit"],
            "repository": self.hub["repository"],
            "pusher": person,
            "sender": person,
        })
    }

    fn bitbucket(&self) -> Value {
        let commits: Vec<_> = self
            .newest_first(FEW_MAX)
            .iter()
            .map(in_bitbucket)
            .collect();
        let branch =
            |target: Value| json!({ "type": "branch", "name": self.push.branch, "target": target });
        let old = self
            .push
            .before
            .map(|before| branch(json!({ "hash": before })));
        let head = self
            .push
            .after
            .map(|_| in_bitbucket(&self.hub["head_commit"]));
        json!({
            "actor": {
                "type": "user", "uuid": "{0f0e1d2c}", "nickname": SENDER_LOGIN,
                "display_name": AUTHOR_NAME,
            },
            "repository": {
                "type": "repository", "full_name": self.repository.full_name(),
                "uuid": "{673a6070}",
            },
            "push": { "changes": [{
                "old": old,
                "new": head.map(branch),
                "created": self.push.before.is_none(),
                "closed": self.push.after.is_none(),
                "forced": self.hub["forced"],
                "truncated": self.total > commits.len() as u64,
                "commits": commits,
            }] },
        })
    }

    fn standard(&self) -> Value {
        json!({
            "type": "push",
            "timestamp": "2026-01-05T09:00:00Z",
            "data": {
                "repository": self.repository.full_name(),
                "ref": self.hub["ref"],
                "before": self.push.before,
                "after": self.push.after,
                "forced": self.hub["forced"],
                "total_commits": self.total,
                "commits": self.commits,
                "sender": { "id": SENDER_ID, "username": SENDER_LOGIN },
            },
        })
    }
}

/// A commit in GitHub's shape, in Bitbucket's.
fn in_bitbucket(commit: &Value) -> Value {
    json!({
        "type": "commit",
        "hash": commit["id"],
        "message": commit["message"],
        "date": commit["timestamp"],
        "author": {
            "type": "author",
            "raw": format!("{AUTHOR_NAME} <{AUTHOR_EMAIL}>"),
            "user": { "nickname": SENDER_LOGIN },
        },
    })
}
