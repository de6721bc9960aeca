//! Owns an OTLP collector inside the test: a gRPC server that keeps the spans it is sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::wait;

/// A span as it was received. Ids are lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedSpan {
    /// The `service.name` of who sent it.
    pub service: String,
    /// The span's name.
    pub name: String,
    /// The trace's id, 32 digits.
    pub trace_id: String,
    /// The span's id, 16 digits.
    pub span_id: String,
    /// The parent's id; `None` for a root.
    pub parent_span_id: Option<String>,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// The spans it links to: trace id and span id.
    pub links: Vec<(String, String)>,
}

/// A collector that lives as long as this value.
#[derive(Debug)]
pub struct Collector {
    endpoint: String,
    spans: Arc<Mutex<Vec<ReceivedSpan>>>,
    server: JoinHandle<()>,
}

impl Collector {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        let any_port = "127.0.0.1:0".parse().expect("an address");
        let incoming = TcpIncoming::bind(any_port).expect("a port for the collector");
        let address = incoming.local_addr().expect("a bound port has an address");
        let spans = Arc::default();
        let service = TraceServiceServer::new(Keeper(Arc::clone(&spans)));
        let serve = Server::builder().add_service(service);
        let server = tokio::spawn(async move {
            serve
                .serve_with_incoming(incoming)
                .await
                .expect("the collector serves");
        });
        Self {
            endpoint: format!("http://{address}"),
            spans,
            server,
        }
    }

    /// What goes into a service's setting for the OTLP endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The spans of one trace that have arrived so far, in the order of their arrival.
    pub fn trace(&self, trace_id: &str) -> Vec<ReceivedSpan> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace_id == trace_id);
        spans
    }

    /// Every span that has arrived so far.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.spans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until a span has arrived that is looked for.
    pub async fn wait_for(
        &self,
        what: &str,
        wanted: impl Fn(&ReceivedSpan) -> bool,
    ) -> ReceivedSpan {
        wait::until(what, async || {
            let spans = self.spans();
            let found = spans.iter().find(|span| wanted(span)).cloned();
            found.ok_or_else(|| {
                let seen = spans
                    .iter()
                    .map(|span| format!("{}/{}", span.service, span.name));
                format!("{} spans: {:?}", spans.len(), seen.collect::<Vec<_>>())
            })
        })
        .await
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Keeper(Arc<Mutex<Vec<ReceivedSpan>>>);

#[tonic::async_trait]
impl TraceService for Keeper {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut received = Vec::new();
        for sent in request.into_inner().resource_spans {
            let resource = sent.resource.unwrap_or_default();
            let mut attributes = texts(resource.attributes);
            let service = attributes.remove("service.name").unwrap_or_default();
            let spans = sent.scope_spans.into_iter().flat_map(|scope| scope.spans);
            received.extend(spans.map(|span| ReceivedSpan::of(&service, span)));
        }
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(received);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl ReceivedSpan {
    fn of(service: &str, span: Span) -> Self {
        let parent = span.parent_span_id;
        let links = span.links.into_iter();
        Self {
            service: service.to_owned(),
            name: span.name,
            trace_id: hex::encode(span.trace_id),
            span_id: hex::encode(span.span_id),
            parent_span_id: (!parent.is_empty()).then(|| hex::encode(parent)),
            attributes: texts(span.attributes),
            links: links
                .map(|link| (hex::encode(link.trace_id), hex::encode(link.span_id)))
                .collect(),
        }
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::StringValue(text) => text,
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        Value::DoubleValue(value) => value.to_string(),
        other => format!("{other:?}"),
    };
    attributes
        .into_iter()
        .filter_map(|pair| Some((pair.key, text(pair.value?.value?))))
        .collect()
}
