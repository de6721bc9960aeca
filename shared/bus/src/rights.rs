//! Owns which subjects each act on the bus needs: what a server must permit a user, so that it can
//! do that act and nothing else. Who does which act is the deployment's list.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::advisory;
use crate::connect::Bus;
use crate::dead;
use crate::topology::{CONSUMERS, ConsumerSpec, STREAMS};

/// How the subjects of JetStream's calls begin.
const API: &str = "$JS.API";

/// The user of the operator's commands.
pub const OPERATOR: &str = "operator";
/// The user of `assay topology`, and of nothing else.
pub const TOPOLOGY: &str = "topology";

/// What a user may publish and hear. What is not in it, a server refuses.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Rights {
    /// Subjects that it may publish to, patterns among them.
    pub publish: BTreeSet<String>,
    /// Subjects that it may subscribe to, patterns among them.
    pub subscribe: BTreeSet<String>,
}

/// Under which subjects a user waits for answers: nobody else may listen there.
pub fn inbox_prefix(user: &str) -> String {
    format!("_INBOX_{user}")
}

impl Rights {
    /// What everybody has who connects: its own inbox, a sign of life of JetStream, and a look at
    /// how streams and consumers are made and how far they are, which shows no message.
    pub fn of(user: &str) -> Self {
        let mut rights = Self::default();
        rights.subscribe.insert(format!("{}.>", inbox_prefix(user)));
        rights.call("INFO");
        for spec in STREAMS {
            rights.call(&format!("STREAM.INFO.{}", spec.name));
        }
        for spec in CONSUMERS {
            rights.call(&format!("CONSUMER.INFO.{}.{}", spec.stream, spec.durable));
        }
        rights
    }

    /// To publish here.
    #[must_use]
    pub fn publish(mut self, subject: &str) -> Self {
        self.publish.insert(subject.to_owned());
        self
    }

    /// To hear what is said here, beside the streams.
    #[must_use]
    pub fn hear(mut self, subject: &str) -> Self {
        self.subscribe.insert(subject.to_owned());
        self
    }

    /// To hear the broker tell of calls that change something.
    #[must_use]
    pub fn hear_of_changes(self) -> Self {
        self.hear(advisory::SUBJECT)
    }

    /// To take messages from this consumer: pull them, answer for them in both forms that servers
    /// use, put one of a queue back as a fresh message, make one a dead letter, and see how old the
    /// oldest is.
    #[must_use]
    pub fn consume(mut self, spec: &ConsumerSpec) -> Self {
        let ConsumerSpec {
            stream, durable, ..
        } = spec;
        self.call(&format!("CONSUMER.MSG.NEXT.{stream}.{durable}"));
        self.publish.insert(format!("$JS.ACK.{stream}.{durable}.>"));
        // With the domain and the account's hash before it.
        self.publish
            .insert(format!("$JS.ACK.*.*.{stream}.{durable}.>"));
        if spec.is_of_a_queue() {
            self.publish.insert(spec.filter.to_owned());
        }
        self.publish.insert(dead::subject(stream, durable));
        self.call(&format!("DIRECT.GET.{stream}"));
        self
    }

    /// To read messages of this stream by their place, beside its consumers.
    #[must_use]
    pub fn read(mut self, stream: &str) -> Self {
        self.call(&format!("STREAM.MSG.GET.{stream}"));
        self
    }

    /// To take single messages out of this stream for good.
    #[must_use]
    pub fn take_out(mut self, stream: &str) -> Self {
        self.call(&format!("STREAM.MSG.DELETE.{stream}"));
        self
    }

    /// To make the streams and consumers, and change them; not to delete or purge one.
    #[must_use]
    pub fn apply_topology(mut self) -> Self {
        for spec in STREAMS {
            self.call(&format!("STREAM.CREATE.{}", spec.name));
            self.call(&format!("STREAM.UPDATE.{}", spec.name));
        }
        for spec in CONSUMERS {
            let of = format!("{}.{}", spec.stream, spec.durable);
            self.call(&format!("CONSUMER.CREATE.{of}.>"));
        }
        self
    }

    fn call(&mut self, what: &str) {
        self.publish.insert(format!("{API}.{what}"));
    }
}

impl Bus {
    /// Whether our user may do what no user of a deployment needs. A server that refuses does not
    /// answer, so that takes as long as `limit`.
    pub async fn is_unbounded(&self, limit: Duration) -> bool {
        let asked = self
            .client
            .request(format!("{API}.STREAM.NAMES"), "".into());
        matches!(tokio::time::timeout(limit, asked).await, Ok(Ok(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::ATTEMPT_WRITER;

    #[test]
    fn no_right_is_a_whole_tree_but_for_what_is_ones_own() {
        let all = Rights::of("a")
            .consume(&ATTEMPT_WRITER)
            .read("DEAD")
            .take_out("DEAD")
            .apply_topology()
            .hear_of_changes();
        for subject in all.publish.iter().chain(&all.subscribe) {
            let own = ["$JS.ACK.", "$JS.API.CONSUMER.CREATE.", "_INBOX_a."];
            let is_own = own.iter().any(|prefix| subject.starts_with(prefix));
            assert!(is_own || !subject.contains('>'), "{subject}");
            for dangerous in [
                "STREAM.DELETE",
                "STREAM.PURGE",
                "CONSUMER.DELETE",
                "RESTORE",
            ] {
                assert!(!subject.contains(dangerous), "{subject}");
            }
        }
    }

    #[test]
    fn whoever_consumes_answers_for_its_own_messages_in_both_forms() {
        let rights = Rights::of("attempt-writer").consume(&ATTEMPT_WRITER);
        for subject in [
            "$JS.ACK.DELIVERIES.attempt-writer.>",
            "$JS.ACK.*.*.DELIVERIES.attempt-writer.>",
            "$JS.API.CONSUMER.MSG.NEXT.DELIVERIES.attempt-writer",
            "assay.dead.DELIVERIES.attempt-writer",
            "assay.delivery.*",
        ] {
            assert!(rights.publish.contains(subject), "{subject}");
        }
        let expected = BTreeSet::from(["_INBOX_attempt-writer.>".to_owned()]);
        assert_eq!(rights.subscribe, expected);
    }
}
