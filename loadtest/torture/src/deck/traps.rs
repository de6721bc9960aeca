//! Owns the moments: which messages of which wires somebody is struck at.

use process::settings::service::Service;
use testkit::wire::{Act, Moment};

/// Which wire of a seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// To nats-server.
    Nats,
    /// To Postgres.
    Postgres,
}

/// A message at which somebody is struck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trap {
    /// What it is called in reports.
    pub name: &'static str,
    /// Whose wire.
    pub service: Service,
    /// Which wire.
    pub link: Link,
    /// The message.
    pub moment: Moment,
}

impl Trap {
    /// What becomes of the message at which somebody is killed: what is handed out gets there, and
    /// work on it begins; anything else is never heard.
    pub const fn act(&self) -> Act {
        match self.moment {
            Moment::HandedOut(_) => Act::Pass,
            _ => Act::Hold,
        }
    }
}

/// The moments at which somebody is killed.
pub const DEADLY: &[Trap] = &[
    trap(
        "before the publish of a delivery",
        Service::WebhookIngest,
        Link::Nats,
        Moment::Published("assay.delivery."),
    ),
    trap(
        "after the publish before its ack",
        Service::WebhookIngest,
        Link::Nats,
        Moment::PublishAnswered("DELIVERIES"),
    ),
    trap(
        "when a batch is handed out",
        Service::AttemptWriter,
        Link::Nats,
        Moment::HandedOut("DELIVERIES"),
    ),
    trap(
        "before the COMMIT",
        Service::AttemptWriter,
        Link::Postgres,
        Moment::CommitAsked,
    ),
    trap(
        "between the COMMIT and its reply",
        Service::AttemptWriter,
        Link::Postgres,
        Moment::CommitAnswered,
    ),
    trap(
        "after the COMMIT before the publish",
        Service::AttemptWriter,
        Link::Nats,
        Moment::Published("assay.job."),
    ),
    trap(
        "between the publish and its ack",
        Service::AttemptWriter,
        Link::Nats,
        Moment::PublishAnswered("JOBS"),
    ),
    trap(
        "after the publish before the ack",
        Service::AttemptWriter,
        Link::Nats,
        Moment::Acked("DELIVERIES"),
    ),
    trap(
        "when a job is handed out",
        Service::SnapshotBuilder,
        Link::Nats,
        Moment::HandedOut("JOBS"),
    ),
    trap(
        "before the COMMIT",
        Service::SnapshotBuilder,
        Link::Postgres,
        Moment::CommitAsked,
    ),
    trap(
        "between the COMMIT and its reply",
        Service::SnapshotBuilder,
        Link::Postgres,
        Moment::CommitAnswered,
    ),
    trap(
        "after the COMMIT before the publish",
        Service::SnapshotBuilder,
        Link::Nats,
        Moment::Published("assay.job.verify."),
    ),
    trap(
        "after the publish before the ack",
        Service::SnapshotBuilder,
        Link::Nats,
        Moment::Acked("JOBS"),
    ),
    trap(
        "when a job is handed out",
        Service::Verifier,
        Link::Nats,
        Moment::HandedOut("JOBS"),
    ),
    trap(
        "before the COMMIT",
        Service::Verifier,
        Link::Postgres,
        Moment::CommitAsked,
    ),
    trap(
        "between the COMMIT and its reply",
        Service::Verifier,
        Link::Postgres,
        Moment::CommitAnswered,
    ),
    trap(
        "after the COMMIT before the ack",
        Service::Verifier,
        Link::Nats,
        Moment::Acked("JOBS"),
    ),
    trap(
        "before the COMMIT",
        Service::Auditor,
        Link::Postgres,
        Moment::CommitAsked,
    ),
    trap(
        "between the COMMIT and its reply",
        Service::Auditor,
        Link::Postgres,
        Moment::CommitAnswered,
    ),
];

/// The same of reconciler, which has work only when a push came without its webhook, and then takes
/// its time.
pub const DEADLY_SELDOM: &[Trap] = &[
    trap(
        "before the COMMIT",
        Service::Reconciler,
        Link::Postgres,
        Moment::CommitAsked,
    ),
    trap(
        "between the COMMIT and its reply",
        Service::Reconciler,
        Link::Postgres,
        Moment::CommitAnswered,
    ),
    trap(
        "after the COMMIT before the publish",
        Service::Reconciler,
        Link::Nats,
        Moment::Published("assay.delivery."),
    ),
    trap(
        "between the publish and its ack",
        Service::Reconciler,
        Link::Nats,
        Moment::PublishAnswered("DELIVERIES"),
    ),
];

/// The messages that are lost, with nobody killed.
pub const LOSSES: &[(Trap, Act)] = &[
    (
        trap(
            "PubAck of a delivery",
            Service::WebhookIngest,
            Link::Nats,
            Moment::PublishAnswered("DELIVERIES"),
        ),
        Act::Lose,
    ),
    (
        trap(
            "PubAck of a job",
            Service::AttemptWriter,
            Link::Nats,
            Moment::PublishAnswered("JOBS"),
        ),
        Act::Lose,
    ),
    (
        trap(
            "reply of a COMMIT",
            Service::AttemptWriter,
            Link::Postgres,
            Moment::CommitAnswered,
        ),
        Act::Cut,
    ),
    (
        trap(
            "reply of a COMMIT",
            Service::SnapshotBuilder,
            Link::Postgres,
            Moment::CommitAnswered,
        ),
        Act::Cut,
    ),
    (
        trap(
            "reply of a COMMIT",
            Service::Verifier,
            Link::Postgres,
            Moment::CommitAnswered,
        ),
        Act::Cut,
    ),
    (
        trap(
            "reply of a COMMIT",
            Service::Auditor,
            Link::Postgres,
            Moment::CommitAnswered,
        ),
        Act::Cut,
    ),
    (
        trap(
            "ack of a delivery",
            Service::AttemptWriter,
            Link::Nats,
            Moment::Acked("DELIVERIES"),
        ),
        Act::Lose,
    ),
];

const fn trap(name: &'static str, service: Service, link: Link, moment: Moment) -> Trap {
    Trap {
        name,
        service,
        link,
        moment,
    }
}
