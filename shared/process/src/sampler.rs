//! Owns the choice of the traces that are recorded. It is made once, at the root, from the trace
//! id; everybody after it follows.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

/// Records this part of all traces, by their ids, and what a recorded parent leads to.
///
/// The SDK's own sampler compares the upper bits of the id's second half, which in a UUID are
/// fixed: of traces named by deliveries it would take none below a ratio of one half, and all
/// above three quarters. This one takes the last 56 bits, as W3C Trace Context level 2 has it.
#[derive(Clone, Debug)]
pub(crate) struct RatioOfTraces {
    below: u64,
}

/// How many values the 56 random bits have.
const VALUES: u64 = 1 << 56;

impl RatioOfTraces {
    /// `ratio` from 0 (none) to 1 (all).
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the product is clamped to 0..=VALUES, which a float holds exactly"
    )]
    pub(crate) fn new(ratio: f64) -> Self {
        Self {
            below: (ratio.clamp(0.0, 1.0) * VALUES as f64) as u64,
        }
    }

    fn takes(&self, id: TraceId) -> bool {
        let [.., a, b, c, d, e, f, g] = id.to_bytes();
        u64::from_be_bytes([0, a, b, c, d, e, f, g]) < self.below
    }
}

impl ShouldSample for RatioOfTraces {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        _name: &str,
        _kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let parent = parent
            .map(|context| context.span().span_context().clone())
            .filter(opentelemetry::trace::SpanContext::is_valid);
        let sampled = match &parent {
            Some(parent) => parent.is_sampled(),
            None => self.takes(trace_id),
        };
        SamplingResult {
            decision: if sampled {
                SamplingDecision::RecordAndSample
            } else {
                SamplingDecision::Drop
            },
            attributes: Vec::new(),
            trace_state: parent.map_or(TraceState::NONE, |parent| parent.trace_state().clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::ids::DeliveryId;

    use super::*;

    #[test]
    fn the_part_of_traces_that_is_taken_is_the_ratio_also_for_ids_that_are_uuids() {
        let ids: Vec<_> = (0..2_000)
            .map(|n| {
                DeliveryId::compute("github", &n.to_string())
                    .trace_id()
                    .to_bytes()
            })
            .map(TraceId::from_bytes)
            .collect();
        for (ratio, low, high) in [
            (0.0, 0, 0),
            (0.1, 140, 260),
            (0.5, 900, 1_100),
            (1.0, 2_000, 2_000),
        ] {
            let sampler = RatioOfTraces::new(ratio);
            let taken = ids.iter().filter(|id| sampler.takes(**id)).count();
            assert!((low..=high).contains(&taken), "{ratio}: {taken}");
        }
    }
}
