//! Owns the W3C trace context in message headers: one push is one trace (promise P6).

use std::str::FromStr;

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};
use opentelemetry::global;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The header with the trace and the sender's span.
pub const TRACEPARENT: &str = "traceparent";

/// Writes the current span's context into the headers.
pub(crate) fn inject_current(headers: &mut HeaderMap) {
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut Into(headers));
    });
}

/// The current span's `traceparent`, if it is traced: what a row in the outbox carries.
pub fn current_traceparent() -> Option<String> {
    traceparent_of(&Span::current())
}

/// A span's `traceparent`, if it is traced.
pub fn traceparent_of(span: &Span) -> Option<String> {
    let mut headers = HeaderMap::new();
    let context = span.context();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut Into(&mut headers));
    });
    headers
        .get(TRACEPARENT)
        .map(|value| value.as_str().to_owned())
}

/// Makes `span`, which nobody has entered yet, the child of the span that sent the headers.
pub(crate) fn set_parent(span: &Span, headers: &HeaderMap) {
    let parent = global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&opentelemetry::Context::new(), &From(headers))
    });
    // A sender without a trace leaves the span a root of its own.
    if parent.span().span_context().is_valid() {
        let _ = span.set_parent(parent);
    }
}

/// Makes `span`, which nobody has entered yet, the child of the span named by a `traceparent`.
pub fn set_parent_from(span: &Span, traceparent: &str) {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(traceparent) {
        headers.insert(TRACEPARENT, value);
        set_parent(span, &headers);
    }
}

/// Links `span` to another, as a batch's span is linked to those of its messages.
pub fn link(span: &Span, other: &Span) {
    span.add_link(other.context().span().span_context().clone());
}

struct Into<'a>(&'a mut HeaderMap);

impl Injector for Into<'_> {
    fn set(&mut self, key: &str, value: String) {
        // Fallible on purpose: the library's `insert` of a text panics on a line break.
        if let (Ok(name), Ok(value)) = (HeaderName::from_str(key), HeaderValue::from_str(&value)) {
            self.0.insert(name, value);
        }
    }
}

struct From<'a>(&'a HeaderMap);

impl Extractor for From<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| value.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_ref()).collect()
    }
}
