//! A collector in this process, and the spans that reach it.

use std::sync::{Arc, Mutex};

use contract::ids::DeliveryId;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use process::settings::Settings;
use process::telemetry::Telemetry;
use process::trace::root_span_with_trace_id;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// The only test of this binary that starts telemetry: a process has one.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_spans_reach_the_collector_before_the_process_ends() {
    let collector = Collector::default();
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}", incoming.local_addr().unwrap());
    let service = TraceServiceServer::new(collector.clone());
    let server = tokio::spawn(
        Server::builder()
            .add_service(service)
            .serve_with_incoming(incoming),
    );

    let settings = Settings::default()
        .with("telemetry.otlp_endpoint", &endpoint)
        .unwrap();
    let telemetry = Telemetry::start(&settings.telemetry, "tested").unwrap();
    let trace_id = DeliveryId::compute("github", "72d3162e").trace_id();
    let root = tracing::info_span!(parent: None, "receive", http.status = 202);
    assert!(root_span_with_trace_id(&root, trace_id));
    drop(root);
    telemetry.flush().await;
    server.abort();

    let requests = collector.0.lock().unwrap();
    let [resource] = requests[0].resource_spans.as_slice() else {
        panic!("{requests:?}")
    };
    let service = &resource.resource.as_ref().unwrap().attributes;
    assert!(format!("{service:?}").contains("tested"), "{service:?}");
    let [span] = resource.scope_spans[0].spans.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (span.name.as_str(), span.trace_id.as_slice()),
        ("receive", &trace_id.to_bytes()[..])
    );
    assert!(span.parent_span_id.is_empty());
}
