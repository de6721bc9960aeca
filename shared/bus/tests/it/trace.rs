//! One push is one trace: the sender's span is the parent of the handler's.

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use contract::ids::DeliveryId;
use process::settings::Settings;
use process::telemetry::Telemetry;
use process::trace::root_span_with_trace_id;
use testkit::collector::Collector;
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::world::{ACK_WAIT, World, outgoing};

/// Says what the trace is that it runs in.
struct Tells(mpsc::UnboundedSender<Option<String>>);

impl Handler for Tells {
    async fn handle(&self, _: &Incoming) -> Outcome {
        self.0.send(bus::trace::current_traceparent()).unwrap();
        Outcome::Done
    }
}

/// The only test of this binary that starts telemetry: a process has one.
#[tokio::test(flavor = "multi_thread")]
async fn the_handlers_span_is_a_child_of_the_publishers_in_the_deliverys_trace() {
    let collector = Collector::start().await;
    let settings = Settings::default()
        .with("telemetry.otlp_endpoint", collector.endpoint())
        .unwrap();
    let telemetry = Telemetry::start(&settings.telemetry, "tested").unwrap();
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let (told, mut telling) = mpsc::unbounded_channel();
    let running = world.each(consumer, Tells(told));

    let trace = DeliveryId::compute("github", "72d3162e").trace_id();
    let sender = tracing::info_span!(parent: None, "send");
    assert!(root_span_with_trace_id(&sender, trace));
    // A message is made, and takes the trace along, in the sender's span.
    let publishing = async {
        let message = outgoing("a", "traced");
        world.bus.publish_raw(message).await.unwrap();
    };
    publishing.instrument(sender).await;

    let traceparent = telling.recv().await.unwrap().unwrap();
    assert!(traceparent.contains(&trace.to_string()), "{traceparent}");
    world.drained().await;
    running.stop().await;
    telemetry.flush().await;
    let spans = collector.trace(&trace.to_string());
    let [send, process] = ["send", "a test.v1"].map(|name| {
        let named = spans.iter().find(|span| span.name == name);
        named.unwrap_or_else(|| panic!("{name}: {spans:?}"))
    });
    assert_eq!(send.parent_span_id, None);
    assert_eq!(process.parent_span_id.as_ref(), Some(&send.span_id));
    assert!(traceparent.contains(&process.span_id), "{traceparent}");
    assert_eq!(process.attributes["messaging.consumer.name"], "a");
}
