//! Owns the traces of pushes: a root span with a given trace id, so that the trace of a push is
//! its delivery's id, and what of it is written into logs.

use std::cell::Cell;

use contract::ids::TraceId;
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt as _, TraceId as OtelTraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

thread_local! {
    /// The trace id that the next root span of this thread starts with.
    static NEXT_TRACE_ID: Cell<Option<OtelTraceId>> = const { Cell::new(None) };
}

/// Starts `span` as the root of the trace `id`: it has that trace id and no parent. To be called
/// before the span is entered or asked for its context, and on a span that was made with
/// `parent: None` or outside of any other.
///
/// Gives `false`, and changes nothing, when the span was started before, is filtered out, or
/// nobody traces in this process.
pub fn root_span_with_trace_id(span: &Span, id: TraceId) -> bool {
    // Without a parent the SDK asks the id generator for a trace id; a made-up remote parent would
    // give the same id, and a root whose parent nobody will ever find.
    if span.set_parent(Context::new()).is_err() {
        return false;
    }
    let wanted = OtelTraceId::from_bytes(id.to_bytes());
    // The span starts here, on this thread, before the next line: the id cannot go astray.
    let before = NEXT_TRACE_ID.replace(Some(wanted));
    let context = span.context();
    NEXT_TRACE_ID.set(before);
    context.span().span_context().trace_id() == wanted
}

/// The trace and span ids of `context` as they are written in hex, if it has any.
pub(crate) fn ids_of(context: &Context) -> Option<(OtelTraceId, SpanId)> {
    let span = context.span();
    let ids = span.span_context();
    ids.is_valid().then(|| (ids.trace_id(), ids.span_id()))
}

/// Random ids, but for the trace id of a root that was told its own.
#[derive(Debug, Default)]
pub(crate) struct ToldOrRandomIds {
    random: RandomIdGenerator,
}

impl IdGenerator for ToldOrRandomIds {
    fn new_trace_id(&self) -> OtelTraceId {
        NEXT_TRACE_ID
            .take()
            .unwrap_or_else(|| self.random.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.random.new_span_id()
    }
}
