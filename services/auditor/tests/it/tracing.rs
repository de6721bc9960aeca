//! The trace of a push ends at its leaf.

use process::settings::surface::Telemetry as TelemetrySettings;
use process::telemetry::Telemetry;
use store::audit_entry;
use testkit::collector::Collector;
use testkit::wait;

use crate::ground::{Ground, pending};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const WRITER: &str = "b7ad6b7169203331";

#[tokio::test(flavor = "multi_thread")]
async fn the_span_of_a_leaf_is_a_child_of_the_span_that_wrote_the_entry() {
    let collector = Collector::start().await;
    let settings = TelemetrySettings {
        otlp_endpoint: Some(collector.endpoint().to_owned()),
        ..TelemetrySettings::default()
    };
    let telemetry = Telemetry::start(&settings, "auditor").unwrap();
    let ground = Ground::start().await;
    let traced = pending(1_000, Some(format!("00-{TRACE}-{WRITER}-01")));
    let id = traced.entry.id;
    let mut conn = ground.writer.connection().await.unwrap();
    audit_entry::append(&mut conn, &[traced]).await.unwrap();
    let auditor = ground.auditor();
    ground.record(1).await;
    wait::until("both entries are in the log", async || {
        let report = ground.verify().await;
        (report.leaves == 2)
            .then_some(())
            .ok_or_else(|| format!("{report:?}"))
    })
    .await;
    auditor.stop().await;
    telemetry.flush().await;
    let mut leaves = collector.spans();
    leaves.retain(|span| span.name == "auditor.leaf");
    let [span] = leaves.as_slice() else {
        panic!("only the traced entry has a span: {leaves:?}");
    };
    assert_eq!(span.trace_id, TRACE);
    assert_eq!(span.parent_span_id.as_deref(), Some(WRITER));
    assert_eq!(span.attributes["audit_entry.id"], id.to_string());
    assert!(["0", "1"].contains(&span.attributes["leaf.index"].as_str()));
}
