//! Owns the commands of operators and pages. Each ends with a row that says what became of it.

use serde::{Deserialize, Serialize};

use crate::ids::CommandId;
use crate::message::Message;
use crate::name::{Actor, CommitSha, Repository, Slug};

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
