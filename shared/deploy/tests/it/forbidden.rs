//! Each user's key of NATS in the wrong hands, against a server with the rights that a deployment
//! gives: what a thief could try, and what the server says.

use std::collections::BTreeSet;

use deploy::users::users;
use testkit::house::House;
use testkit::stranger::Stranger;
use testkit::wait;

/// What one could wish to publish to, and who alone may.
const PUBLISH: &[(&str, &[&str])] = &[
    // Reading what others were sent.
    (
        "$JS.API.CONSUMER.MSG.NEXT.DELIVERIES.attempt-writer",
        &["attempt-writer"],
    ),
    (
        "$JS.API.CONSUMER.MSG.NEXT.JOBS.snapshot-builder-live",
        &["snapshot-builder"],
    ),
    (
        "$JS.API.CONSUMER.MSG.NEXT.JOBS.verifier-live",
        &["verifier"],
    ),
    (
        "$JS.API.CONSUMER.MSG.NEXT.COMMANDS.attempt-writer-privacy",
        &["attempt-writer"],
    ),
    (
        "$JS.API.CONSUMER.MSG.NEXT.COMMANDS.reconciler",
        &["reconciler"],
    ),
    ("$JS.API.CONSUMER.MSG.NEXT.AUDIT.auditor", &["auditor"]),
    (
        "$JS.API.CONSUMER.MSG.NEXT.FACTS.status-reporter",
        &["status-reporter"],
    ),
    (
        "$JS.API.CONSUMER.MSG.NEXT.DEAD.attempt-writer-dead",
        &["attempt-writer"],
    ),
    ("$JS.API.STREAM.MSG.GET.DELIVERIES", &["auditor"]),
    ("$JS.API.STREAM.MSG.GET.JOBS", &[]),
    ("$JS.API.STREAM.MSG.GET.COMMANDS", &[]),
    (
        "$JS.API.STREAM.MSG.GET.DEAD",
        &["attempt-writer", "auditor", "operator", "operator-alice"],
    ),
    ("$JS.API.DIRECT.GET.DELIVERIES", &["attempt-writer"]),
    ("$JS.API.DIRECT.GET.DELIVERIES.assay.delivery.github", &[]),
    (
        "$JS.API.DIRECT.GET.JOBS",
        &["attempt-writer", "snapshot-builder", "verifier"],
    ),
    ("$JS.API.DIRECT.GET.AUDIT", &["auditor"]),
    ("$JS.API.DIRECT.GET.DEAD", &["attempt-writer"]),
    ("$JS.API.STREAM.SNAPSHOT.DELIVERIES", &[]),
    ("$JS.API.STREAM.NAMES", &[]),
    ("$JS.API.CONSUMER.LIST.DELIVERIES", &[]),
    // Taking away what others were to have.
    ("$JS.API.STREAM.PURGE.DELIVERIES", &[]),
    ("$JS.API.STREAM.DELETE.DELIVERIES", &[]),
    ("$JS.API.STREAM.MSG.DELETE.DELIVERIES", &["auditor"]),
    ("$JS.API.STREAM.MSG.DELETE.JOBS", &[]),
    ("$JS.API.STREAM.MSG.DELETE.DEAD", &["attempt-writer"]),
    ("$JS.API.CONSUMER.DELETE.DELIVERIES.attempt-writer", &[]),
    ("$JS.API.CONSUMER.DELETE.JOBS.verifier-live", &[]),
    ("$JS.API.CONSUMER.PAUSE.JOBS.verifier-live", &[]),
    ("$JS.API.CONSUMER.UNPIN.JOBS.verifier-live", &[]),
    ("$JS.API.STREAM.RESTORE.DELIVERIES", &[]),
    ("$JS.API.STREAM.LEADER.STEPDOWN.DELIVERIES", &[]),
    ("$JS.API.STREAM.PEER.REMOVE.DELIVERIES", &[]),
    ("$JS.API.META.LEADER.STEPDOWN", &[]),
    ("$JS.API.SERVER.REMOVE", &[]),
    ("$JS.API.ACCOUNT.PURGE.ASSAY", &[]),
    // Changing how they are handed out.
    ("$JS.API.STREAM.CREATE.MINE", &[]),
    ("$JS.API.STREAM.UPDATE.DELIVERIES", &["topology"]),
    ("$JS.API.CONSUMER.CREATE.DELIVERIES", &[]),
    (
        "$JS.API.CONSUMER.CREATE.DELIVERIES.mine.assay.delivery.x",
        &[],
    ),
    (
        "$JS.API.CONSUMER.CREATE.JOBS.verifier-live.assay.job.verify.live",
        &["topology"],
    ),
    ("$JS.API.CONSUMER.DURABLE.CREATE.DELIVERIES.mine", &[]),
    // Answering for others, in both forms.
    (
        "$JS.ACK.DELIVERIES.attempt-writer.1.1.1.1.0",
        &["attempt-writer"],
    ),
    ("$JS.ACK.JOBS.verifier-live.1.1.1.1.0", &["verifier"]),
    (
        "$JS.ACK.JOBS.snapshot-builder-bulk.1.1.1.1.0",
        &["snapshot-builder"],
    ),
    ("$JS.ACK.AUDIT.auditor.1.1.1.1.0", &["auditor"]),
    (
        "$JS.ACK._.hash.DELIVERIES.attempt-writer.1.1.1.1.0.x",
        &["attempt-writer"],
    ),
    (
        "$JS.ACK._.hash.JOBS.verifier-bulk.1.1.1.1.0.x",
        &["verifier"],
    ),
    // Forging what others say.
    (
        "assay.delivery.github",
        &["webhook-ingest", "attempt-writer", "reconciler", "auditor"],
    ),
    (
        "assay.job.record.live",
        &["attempt-writer", "snapshot-builder"],
    ),
    (
        "assay.job.snapshot.live",
        &["attempt-writer", "snapshot-builder", "verifier"],
    ),
    (
        "assay.job.verify.live",
        &["attempt-writer", "snapshot-builder", "verifier"],
    ),
    (
        "assay.fact.attempt-verified",
        &["attempt-writer", "auditor"],
    ),
    ("assay.audit.broker", &["attempt-writer", "auditor"]),
    (
        "assay.audit.webhook-ingest",
        &["attempt-writer", "webhook-ingest", "auditor"],
    ),
    (
        "assay.audit.assay",
        &["attempt-writer", "auditor", "topology"],
    ),
    ("assay.live.0192f0c1", &["verifier"]),
    ("assay.dead.JOBS.verifier-live", &["verifier"]),
    ("assay.dead.DELIVERIES.attempt-writer", &["attempt-writer"]),
    (
        "assay.command.privacy.alice",
        &["attempt-writer", "operator", "operator-alice"],
    ),
    ("assay.command.privacy.bob", &["attempt-writer", "operator"]),
    (
        "assay.command.dead-discard.bob",
        &["attempt-writer", "operator"],
    ),
    (
        "assay.command.lab-publish.bob",
        &["attempt-writer", "snapshot-builder", "operator"],
    ),
    (
        "assay.command.replay.bob",
        &["attempt-writer", "verifier", "operator"],
    ),
    ("$SYS.REQ.SERVER.PING", &[]),
    ("_INBOX_attempt-writer.x", &[]),
];

/// Tries whose refusals are waited for together: a client holds no more than 128 events.
const AT_ONCE: usize = 32;

/// What one could wish to hear, and who alone may.
const SUBSCRIBE: &[(&str, &[&str])] = &[
    (">", &[]),
    ("assay.>", &[]),
    ("assay.delivery.*", &[]),
    ("assay.command.*.*", &[]),
    ("assay.dead.*.*", &[]),
    ("assay.live.*", &["operator", "operator-alice"]),
    ("$JS.API.>", &[]),
    ("$JS.ACK.>", &[]),
    ("$JS.EVENT.ADVISORY.>", &[]),
    ("$JS.EVENT.ADVISORY.API", &["auditor"]),
    ("$SYS.>", &[]),
    ("_INBOX.>", &[]),
    ("_INBOX_webhook-ingest.>", &["webhook-ingest"]),
    ("_INBOX_attempt-writer.>", &["attempt-writer"]),
    ("_INBOX_verifier.>", &["verifier"]),
    ("_INBOX_auditor.>", &["auditor"]),
    ("_INBOX_operator.>", &["operator", "operator-alice"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_key_does_what_its_service_does_and_nothing_else() {
    let house = House::with_nats().await;
    let owner = house.bus("testkit").await;
    let before = format!("{:?}", owner.stream_states().await.unwrap());
    let names = users().into_iter().map(|user| user.name);
    for user in names.chain(["operator-alice".to_owned()]) {
        let mut thief = Stranger::with_key_of(&house, &user).await;
        let may = |allowed: &[&str]| allowed.contains(&user.as_str());
        let forbidden = |all: &[(&'static str, &[&str])]| -> Vec<&'static str> {
            let not = all.iter().filter(|(_, allowed)| !may(allowed));
            not.map(|(subject, _)| *subject).collect()
        };
        for some in forbidden(PUBLISH).chunks(AT_ONCE) {
            for subject in some {
                thief.publish(subject, "+ACK").await;
            }
            for subject in some {
                thief.until_refused("publish", subject).await;
            }
        }
        for some in forbidden(SUBSCRIBE).chunks(AT_ONCE) {
            for subject in some {
                thief.subscribe(subject).await;
            }
            for subject in some {
                thief.until_refused("subscription", subject).await;
            }
        }
        // What it may is not refused: the table says no more and no less than the server.
        let refused: BTreeSet<String> = thief.refused().into_iter().collect();
        for (subject, _) in SUBSCRIBE.iter().filter(|(_, allowed)| may(allowed)) {
            thief.subscribe(subject).await;
        }
        assert!(thief.ask("$JS.API.INFO", "").await.is_ok(), "{user}");
        assert_eq!(refused, thief.refused().into_iter().collect(), "{user}");
    }
    // Nothing was taken, and nothing came.
    let after = format!("{:?}", owner.stream_states().await.unwrap());
    assert_eq!(after, before);
    owner.check_topology().await.unwrap();
    let ingest = &house.key_of("webhook-ingest").public;
    wait::until("the server's log names who tried", async || {
        let log = std::fs::read_to_string(house.nats().log()).unwrap();
        let mut told = log
            .lines()
            .filter(|line| line.contains("Publish Violation"));
        let found = told.clone().any(|line| line.contains(ingest.as_str()));
        let last = told.next_back().unwrap_or_default();
        found
            .then_some(())
            .ok_or_else(|| format!("{ingest} is not in lines like {last}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_sent_elsewhere_forges_nothing() {
    let house = House::with_nats().await;
    let owner = house.bus("testkit").await;
    let thief = Stranger::with_key_of(&house, "webhook-ingest").await;
    // The broker's own ack of a delivery, sent where a job, a fact or another's ack would be.
    for elsewhere in [
        "assay.job.verify.live",
        "assay.fact.attempt-verified",
        "$JS.ACK.DELIVERIES.attempt-writer.1.1.1.1.0",
        "_INBOX_attempt-writer.x",
    ] {
        thief
            .publish_for("assay.delivery.github", elsewhere, "no delivery")
            .await;
    }
    assert!(thief.ask("$JS.API.INFO", "").await.is_ok());
    // Another's ack is refused. A queue takes what the broker itself says, and that is no job and no
    // fact: it has no kind, and dies as a letter.
    let refused = thief.refused();
    let ack = "$js.ack.deliveries.attempt-writer.1.1.1.1.0";
    assert!(refused.iter().any(|said| said.contains(ack)), "{refused:?}");
    for stream in ["JOBS", "FACTS"] {
        let found = wait::until(&format!("{stream} has what the broker said"), async || {
            let found = house.messages(stream).await;
            (found.len() == 1)
                .then_some(())
                .ok_or("nothing yet".to_owned())?;
            Ok(found)
        })
        .await;
        let (id, payload) = &found[0];
        assert_eq!(id, "", "it has no header");
        let said = String::from_utf8_lossy(payload);
        assert!(said.starts_with(r#"{"stream":"DELIVERIES""#), "{said}");
    }
    let states = owner.stream_states().await.unwrap();
    let elsewhere = states.iter().filter(|state| state.name != "DELIVERIES");
    assert_eq!(elsewhere.map(|state| state.messages).sum::<u64>(), 2);
}
