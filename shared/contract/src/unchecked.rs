//! Owns the request to record that nothing was run: what follows a push to a lab that has nothing
//! run, in place of its snapshots and of a run for each of its commits.

use serde::{Deserialize, Serialize};

use crate::ids::{DeliveryId, PushId, RequestId, SessionId};
use crate::message::Message;

/// Record that nothing was run for these requests of one push. At most
/// [`crate::job::ATTEMPTS_PER_JOB_MAX`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UncheckedRequested {
    /// The delivery that brought the push.
    pub delivery: DeliveryId,
    /// The push within the delivery.
    pub push: PushId,
    /// The session it belongs to.
    pub session: SessionId,
    /// The requests, that of the pushed head first.
    pub requests: Vec<RequestId>,
    /// Counts the tries of all of them.
    pub try_number: u32,
}

impl Message for UncheckedRequested {
    const KIND: &'static str = "dev.assay.unchecked.requested.v1";

    /// A queue of its own beside the lanes: nobody who waits for a run waits behind it.
    fn subject(&self) -> String {
        "assay.job.verify.unchecked".to_owned()
    }

    fn message_id(&self) -> String {
        // Each request is in one message of its push; which one the first is says which message.
        let first = self.requests.first();
        let first = first.map(ToString::to_string).unwrap_or_default();
        format!("unchecked:{first}:{}", self.try_number)
    }
}
