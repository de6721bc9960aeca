//! What services without a ledger say, and what the broker says of itself, become entries.

use bus::connect::Bus;
use contract::ids::LaneId;
use contract::message::Message;
use contract::notice::{HooksRefused, SecretsChanged, SpoolChange, SpoolChanged, TopologyApplied};
use contract::time::now;
use serde_json::Value;
use testkit::wait;

use crate::ground::Ground;

/// Most changes that are made until one is heard.
const CHANGES_MAX: i64 = 200;

/// Waits until there is an entry of an action; gives the first.
async fn entry(ground: &Ground, action: &str) -> Value {
    let query = format!("SELECT entry FROM audit_entry WHERE action = '{action}' ORDER BY id");
    let row = wait::until(&format!("{action} is an entry"), async || {
        let rows = ground.house.rows(&query).await;
        rows.into_iter().next().ok_or("none".to_owned())
    })
    .await;
    let row: Value = serde_json::from_str(&row).unwrap();
    serde_json::from_str(row["entry"].as_str().unwrap()).unwrap()
}

/// Says it twice, as whoever did not hear the first answer does.
async fn say<M: Message>(bus: &Bus, message: &M) {
    for _ in 0..2 {
        bus.publish(message).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_services_without_a_ledger_say_is_in_the_log_once_with_who_and_why() {
    let ground = Ground::with_bus().await;
    let bus = ground.house.bus("webhook-ingest").await;
    let (lane, at) = (LaneId::new(), now());
    let source = "github".parse().unwrap();
    let counts = [("unsigned".to_owned(), 3), ("too-large".to_owned(), 1)].into();
    let refused = HooksRefused {
        lane,
        source: Some(source),
        since: at,
        at,
        counts,
    };
    say(&bus, &refused).await;
    let change = SpoolChange::Opened;
    let (records, bytes) = (1, 700);
    say(
        &bus,
        &SpoolChanged {
            lane,
            change,
            records,
            bytes,
            at,
        },
    )
    .await;
    let secrets = SecretsChanged {
        lane,
        source: "github".parse().unwrap(),
        appeared: vec!["second".into()],
        gone: vec!["first".into()],
        replaced: Vec::new(),
        at,
    };
    say(&bus, &secrets).await;
    let applied = TopologyApplied {
        actor: "operator".parse().unwrap(),
        reason: "an upgrade".into(),
        changes: vec!["made AUDIT".into()],
        at,
    };
    say(&bus, &applied).await;
    let auditor = ground.auditor_on_the_bus();
    let entry_of = async |action: &str| {
        let entry = entry(&ground, action).await;
        for field in ["user.name", "event.reason"] {
            assert!(entry[field].is_string(), "{field} in {entry}");
        }
        entry
    };
    assert_eq!(
        entry_of("hooks-refused").await["assay.refused"]["unsigned"],
        3
    );
    assert_eq!(
        entry_of("spool-changed").await["assay.spool.change"],
        "opened"
    );
    assert_eq!(
        entry_of("secrets-changed").await["assay.secrets.gone"][0],
        "first"
    );
    assert_eq!(entry_of("topology-applied").await["user.name"], "operator");
    ground.house.entries_are_by_the_schema().await;
    let entries = ground
        .house
        .number("SELECT count(*) FROM audit_entry")
        .await;
    assert_eq!(entries, 4);
    auditor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_a_stream_by_the_brokers_own_api_is_in_the_log() {
    let ground = Ground::with_bus().await;
    let auditor = ground.auditor_on_the_bus();
    let login = ground.house.nats().credentials().0;
    // It listens from before its first look on.
    wait::until("the auditor has looked", async || {
        let report = auditor.health.report();
        let part = report.parts.get("completeness");
        let has_looked = part.is_some_and(|part| part.note.is_none());
        has_looked.then_some(()).ok_or(format!("{report:?}"))
    })
    .await;
    let mut messages_max = 1_000;
    wait::until("a change is heard", async || {
        if messages_max < 1_000 + CHANGES_MAX {
            messages_max += 1;
            ground.house.bound_stream("DEAD", messages_max).await;
        }
        let heard = "SELECT count(*) FROM audit_entry WHERE action = 'broker-changed'";
        match ground.house.number(heard).await {
            0 => Err("none was heard".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    let changed = entry(&ground, "broker-changed").await;
    assert_eq!(changed["assay.broker.call"], "STREAM.UPDATE", "{changed}");
    assert_eq!(changed["assay.stream"], "DEAD");
    assert_eq!(changed["user.name"], login);
    assert_eq!(changed["event.outcome"], "success");
    ground.house.entries_are_by_the_schema().await;
    auditor.stop().await;
}
