//! Owns the orders to verify attempts again, and the message that carries such an order on from
//! page to page.

use serde::{Deserialize, Serialize};

use crate::ids::{AttemptId, CommandId, DeliveryId, SessionId};
use crate::message::{Lane, Message};
use crate::name::{Actor, Repository, Slug};
use crate::result::{ErrorCause, NewestResult};
use crate::time::Timestamp;

/// The token of these orders in the subject.
const TOKEN: &str = "reprocess";

/// Which attempts: those for which all holds that is said. What an attempt's newest result is, is
/// judged as of the moment when the order is accepted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Selection {
    /// The newest result.
    pub result: Option<NewestResult>,
    /// The cause of the newest result, which is an error then.
    pub cause: Option<ErrorCause>,
    /// The lab.
    pub lab: Option<Slug>,
    /// The session.
    pub session: Option<SessionId>,
    /// The repository.
    pub repository: Option<Repository>,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
    /// The delivery that first brought the attempt.
    pub delivery: Option<DeliveryId>,
}

impl Selection {
    /// Whether it leaves nothing out.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// What of it cannot hold together.
    pub fn contradiction(&self) -> Option<&'static str> {
        let other_result = self
            .result
            .is_some_and(|result| result != NewestResult::Error);
        if self.cause.is_some() && other_result {
            return Some("only an error has a cause: leave --result out, or say --result error");
        }
        match (self.since, self.until) {
            (Some(since), Some(until)) if since >= until => {
                Some("the time ends before it begins: --since is the earlier of the two")
            }
            _ => None,
        }
    }
}

/// Whose checks are run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionChoice {
    /// Those of the lab version that the session is pinned to.
    #[default]
    Current,
    /// Those of the lab's newest version when the order is accepted.
    Newest,
}

/// Verify the selected attempts again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReprocessRequested {
    /// The command, whose outcome row the caller waits for, and the cause of each request.
    pub command: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// Which attempts.
    pub selection: Selection,
    /// Whose checks.
    pub lab_version: VersionChoice,
    /// Why, for the record.
    pub reason: String,
    /// Most attempts a second; `None` for as many as there is room for.
    pub rate_per_second: Option<u32>,
    /// Most attempts in all, the earliest received first.
    pub limit: Option<u64>,
}

impl ReprocessRequested {
    /// The kind's token in the subject.
    pub const TOKEN: &'static str = TOKEN;

    /// What the requests say that this order causes.
    pub fn cause_of(command: CommandId) -> String {
        format!("command:{command}")
    }
}

impl Message for ReprocessRequested {
    const KIND: &'static str = "dev.assay.reprocess.requested.v1";

    fn subject(&self) -> String {
        format!("assay.command.{TOKEN}.{}", self.actor)
    }

    fn message_id(&self) -> String {
        self.command.to_string()
    }
}

/// Ask for nothing more on behalf of an earlier order. What it asked for already is verified.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReprocessStopRequested {
    /// The command, whose outcome row the caller waits for.
    pub command: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// The order that ends.
    pub stops: CommandId,
    /// Why, for the record.
    pub reason: String,
}

impl ReprocessStopRequested {
    /// What the command's row calls it. On the bus it goes the way of what it stops.
    pub const TOKEN: &'static str = "reprocess-stop";
}

impl Message for ReprocessStopRequested {
    const KIND: &'static str = "dev.assay.reprocess.stop-requested.v1";

    fn subject(&self) -> String {
        format!("assay.command.{TOKEN}.{}", self.actor)
    }

    fn message_id(&self) -> String {
        self.command.to_string()
    }
}

/// Go on with an accepted order: its next page of attempts is due.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReprocessDue {
    /// The order.
    pub command: CommandId,
    /// The last attempt that was looked at; `None` at the beginning.
    pub after: Option<Looked>,
    /// Attempts selected before this page.
    pub selected: u64,
    /// Not to be begun before: what holds the rate.
    pub not_before: Option<Timestamp>,
}

/// How far the attempts were looked at, in the order of their reception.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Looked {
    /// When the attempt was received.
    pub received_at: Timestamp,
    /// The attempt.
    pub attempt: AttemptId,
}

impl Message for ReprocessDue {
    const KIND: &'static str = "dev.assay.reprocess.due.v1";

    fn subject(&self) -> String {
        format!("assay.job.record.{}", Lane::Bulk)
    }

    fn message_id(&self) -> String {
        let after = self.after.map(|looked| looked.attempt.to_string());
        let after = after.as_deref().unwrap_or("the-beginning");
        format!("{TOKEN}:{}:{after}", self.command)
    }
}
