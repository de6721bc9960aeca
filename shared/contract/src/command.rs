//! Owns the commands of operators and pages. Each ends with a row that says what became of it.

pub mod completeness;
pub mod dead_letter;
pub mod privacy;
pub mod replay;

use serde::{Deserialize, Serialize};

use crate::ids::CommandId;
use crate::message::Message;
use crate::name::{Actor, CommitSha, Repository, Slug, SourceName};
use crate::time::Timestamp;

/// Publish a state of a lab's repository as the lab's next version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LabPublishRequested {
    /// The command, whose outcome row the caller waits for.
    pub command: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// URL or local path of the lab's git repository, as snapshot-builder reaches it.
    pub location: String,
    /// Branch, tag or commit; `None` is the repository's `HEAD`.
    pub reference: Option<String>,
}

impl LabPublishRequested {
    /// The kind's token in the subject.
    pub const TOKEN: &'static str = "lab-publish";
}

impl Message for LabPublishRequested {
    const KIND: &'static str = "dev.assay.lab.publish-requested.v1";

    fn subject(&self) -> String {
        format!("assay.command.{}.{}", Self::TOKEN, self.actor)
    }

    fn message_id(&self) -> String {
        self.command.to_string()
    }
}

/// Open a session: tie a repository to a lab's newest version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionOpenRequested {
    /// The command, whose outcome row the caller waits for.
    pub command: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// The lab.
    pub lab: Slug,
    /// The repository.
    pub repository: Repository,
    /// The commit that the learner starts from: it and its history are no attempts.
    pub starting: Option<CommitSha>,
}

impl SessionOpenRequested {
    /// The kind's token in the subject.
    pub const TOKEN: &'static str = "session-open";
}

impl Message for SessionOpenRequested {
    const KIND: &'static str = "dev.assay.session.open-requested.v1";

    fn subject(&self) -> String {
        format!("assay.command.{}.{}", Self::TOKEN, self.actor)
    }

    fn message_id(&self) -> String {
        self.command.to_string()
    }
}

/// Compare a source's forge with the ledger: which deliveries failed, which pushes made none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReconcileRequested {
    /// The command, whose outcome row the caller waits for.
    pub command: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// The source.
    pub source: SourceName,
    /// One repository of it; `None` for all that have an open session.
    pub repository: Option<Repository>,
    /// Deliveries from then on; `None` from the last reconciliation that looked at all of them.
    pub since: Option<Timestamp>,
    /// Why, for the record.
    pub reason: String,
    /// Only say what would be done.
    #[serde(default)]
    pub plan: bool,
}

impl ReconcileRequested {
    /// The kind's token in the subject.
    pub const TOKEN: &'static str = "reconcile";

    /// What a service asks for that refused deliveries of `source` at `at`. All such commands of
    /// one source and minute are one command, whichever process gives it and however often.
    pub fn after_refusals(service: Actor, source: SourceName, at: Timestamp) -> Self {
        let minute = at.timestamp().div_euclid(60);
        let command = CommandId::compute(Self::TOKEN, &format!("refusals:{source}:{minute}"));
        Self {
            command,
            actor: service,
            source,
            repository: None,
            since: None,
            reason: "deliveries were refused".to_owned(),
            plan: false,
        }
    }
}

impl Message for ReconcileRequested {
    const KIND: &'static str = "dev.assay.reconcile.requested.v1";

    fn subject(&self) -> String {
        format!("assay.command.{}.{}", Self::TOKEN, self.actor)
    }

    fn message_id(&self) -> String {
        self.command.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_one_source_and_minute_are_one_command() {
        let asked = |source: &str, at: &str| {
            let service = "webhook-ingest".parse().unwrap();
            let at = at.parse().unwrap();
            ReconcileRequested::after_refusals(service, source.parse().unwrap(), at).message_id()
        };
        let first = asked("github", "2026-11-21T08:00:00Z");
        assert_eq!(first, asked("github", "2026-11-21T08:00:59.999999Z"));
        assert_ne!(first, asked("github", "2026-11-21T08:01:00Z"));
        assert_ne!(first, asked("gitea", "2026-11-21T08:00:00Z"));
    }
}
