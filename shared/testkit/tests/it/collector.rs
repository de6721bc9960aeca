//! The collector keeps what an exporter sends.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use testkit::collector::Collector;

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn span(name: &str, id: u8, parent: Vec<u8>) -> Span {
    Span {
        name: name.to_owned(),
        trace_id: vec![0xab; 16],
        span_id: vec![id; 8],
        parent_span_id: parent,
        attributes: vec![attribute("files", Value::IntValue(3))],
        ..Span::default()
    }
}

#[tokio::test]
async fn a_span_that_is_sent_is_found_with_its_parent_and_its_service() {
    let collector = Collector::start().await;
    let name = Value::StringValue("verifier".to_owned());
    let resource = Resource {
        attributes: vec![attribute("service.name", name)],
        ..Resource::default()
    };
    let spans = vec![span("root", 1, vec![]), span("child", 2, vec![1; 8])];
    let sent = ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![ScopeSpans {
            spans,
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    };
    let endpoint = collector.endpoint().to_owned();
    let mut client = TraceServiceClient::connect(endpoint).await.unwrap();
    let request = ExportTraceServiceRequest {
        resource_spans: vec![sent],
    };
    client.export(request).await.unwrap();

    let child = collector
        .wait_for("the child", |span| span.name == "child")
        .await;
    assert_eq!(child.service, "verifier");
    assert_eq!(child.parent_span_id.as_deref(), Some("0101010101010101"));
    assert_eq!(child.attributes["files"], "3");
    let trace = collector.trace(&"ab".repeat(16));
    assert_eq!(trace.len(), 2);
    assert_eq!(trace[0].parent_span_id, None);
}
