//! What of spans and lines comes out at the other end.

use std::io::Write;
use std::sync::{Arc, Mutex};

use contract::ids::DeliveryId;
use opentelemetry::trace::{SpanId, TraceContextExt as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use serde_json::Value;
use tracing::{Span, info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::*;
use crate::settings::surface::LogForm;
use crate::trace::root_span_with_trace_id;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs `work` under telemetry with these settings; gives the spans that ended and the lines.
fn observe(settings: &Settings, work: impl FnOnce()) -> (Vec<SpanData>, Vec<String>) {
    let exporter = InMemorySpanExporter::default();
    let builder = provider_builder(settings.sample_ratio);
    let provider = builder.with_simple_exporter(exporter.clone()).build();
    let written = Written::default();
    let make = {
        let written = written.clone();
        move || written.clone()
    };
    tracing::subscriber::with_default(subscriber(&provider, settings, "tested", make), work);
    let lines = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    (
        exporter.get_finished_spans().unwrap(),
        lines.lines().map(str::to_owned).collect(),
    )
}

fn delivery() -> DeliveryId {
    DeliveryId::compute("github", "72d3162e")
}

fn trace_id_of(span: &Span) -> String {
    span.context().span().span_context().trace_id().to_string()
}

#[test]
fn a_root_has_the_trace_id_it_was_told_and_no_parent_and_its_children_follow() {
    let trace_id = delivery().trace_id();
    let (spans, _) = observe(&Settings::default(), || {
        let around = info_span!("around");
        let _around = around.enter();
        let root = info_span!(parent: None, "root");
        assert!(root_span_with_trace_id(&root, trace_id));
        root.in_scope(|| info_span!("child").in_scope(|| info_span!("grandchild").in_scope(|| ())));
        // The id was for that one span: the next root has its own.
        let other = info_span!(parent: None, "other");
        assert_ne!(trace_id_of(&other), trace_id.to_string());
        assert_ne!(trace_id_of(&around), trace_id.to_string());
    });
    let span = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    for name in ["root", "child", "grandchild"] {
        assert_eq!(
            span(name).span_context.trace_id().to_string(),
            trace_id.to_string(),
            "{name}"
        );
    }
    assert_eq!(span("root").parent_span_id, SpanId::INVALID);
    assert_eq!(
        span("child").parent_span_id,
        span("root").span_context.span_id()
    );
    assert_eq!(
        span("grandchild").parent_span_id,
        span("child").span_context.span_id()
    );
}

#[test]
fn a_root_can_be_told_its_trace_while_nothing_is_recorded() {
    let settings = Settings {
        sample_ratio: 0.0,
        ..Settings::default()
    };
    let (spans, _) = observe(&settings, || {
        let root = info_span!(parent: None, "root");
        assert!(root_span_with_trace_id(&root, delivery().trace_id()));
        let child = root.in_scope(|| info_span!("child"));
        assert_eq!(trace_id_of(&child), delivery().trace_id().to_string());
        assert!(!child.context().span().span_context().is_sampled());
    });
    assert!(spans.is_empty());
}

#[test]
fn a_span_that_was_started_or_filtered_out_stays_what_it_is() {
    let (spans, _) = observe(&Settings::default(), || {
        let started = info_span!("started");
        let before = trace_id_of(&started);
        assert!(!root_span_with_trace_id(&started, delivery().trace_id()));
        assert_eq!(trace_id_of(&started), before);
        let filtered = tracing::debug_span!("filtered");
        assert!(!root_span_with_trace_id(&filtered, delivery().trace_id()));
        assert_ne!(
            trace_id_of(&info_span!("next")),
            delivery().trace_id().to_string()
        );
    });
    assert!(spans.iter().all(|span| span.name != "filtered"));
    let without_telemetry = info_span!("nobody traces");
    assert!(!root_span_with_trace_id(
        &without_telemetry,
        delivery().trace_id()
    ));
}

#[test]
fn a_quiet_log_takes_no_span_out_of_a_trace() {
    let settings = Settings {
        level: "error".to_owned(),
        ..Settings::default()
    };
    let (spans, lines) = observe(&settings, || {
        info_span!("quiet").in_scope(|| info!("not written"));
    });
    assert_eq!((spans.len(), lines.len()), (1, 0));
}

#[test]
fn a_json_line_reads_alone() {
    let (_, lines) = observe(&Settings::default(), || {
        info!(part = "bus", count = 3_u64, ok = true, "outside");
        let root = info_span!("root", delivery.id = %delivery(), step = "outer");
        root_span_with_trace_id(&root, delivery().trace_id());
        root.in_scope(|| {
            info_span!("inner", step = "inner", service.name = "writer").in_scope(|| {
                info!(duration_ms = 1.5, "inside \"quoted\"\nand broken");
            });
        });
    });
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [outside, inside] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert_eq!(outside["message"], "outside");
    assert_eq!(
        (&outside["part"], &outside["count"], &outside["ok"]),
        (&"bus".into(), &3.into(), &true.into())
    );
    assert_eq!(outside["log.level"], "info");
    assert_eq!(outside["log.logger"], "process::telemetry::tests");
    assert_eq!(outside["service.name"], "tested");
    assert!(outside.get("trace.id").is_none());
    assert_eq!(inside["message"], "inside \"quoted\"\nand broken");
    assert_eq!(inside["trace.id"], delivery().trace_id().to_string());
    assert_eq!(inside["delivery.id"], delivery().to_string());
    assert_eq!(
        (&inside["step"], &inside["service.name"]),
        (&"inner".into(), &"writer".into())
    );
    assert_eq!(inside["duration_ms"], 1.5);
    let at = inside["@timestamp"].as_str().unwrap();
    assert!(at.len() == 27 && at.ends_with('Z'), "{at}");
}

#[test]
fn a_text_line_is_one_line_for_people_with_the_trace() {
    let settings = Settings {
        log: LogForm::Text,
        ..Settings::default()
    };
    let (_, lines) = observe(&settings, || {
        let root = info_span!("root", delivery.id = 7);
        root_span_with_trace_id(&root, delivery().trace_id());
        root.in_scope(|| tracing::warn!(part = "bus", "recovered"));
    });
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    let (_, after_time) = line.split_once(' ').unwrap();
    let trace_id = delivery().trace_id();
    let expected = format!(
        " WARN recovered delivery.id=7 part=\"bus\" (process::telemetry::tests trace.id={trace_id})"
    );
    assert_eq!(after_time, expected);
}
