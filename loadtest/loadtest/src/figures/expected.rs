//! Owns the list of figures that are asked for: each has its row in the summary, measured or not.

use crate::figures::Must::{self, AtLeast, AtMost};

/// A figure that is asked for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Expected {
    /// What it is.
    pub id: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What it must be; `None` for orientation.
    pub must: Option<Must>,
    /// What measures it.
    pub by: &'static str,
}

const fn row(id: &'static str, unit: &'static str, must: Must, by: &'static str) -> Expected {
    let must = Some(must);
    Expected { id, unit, must, by }
}

/// Every figure that is asked for.
pub const EXPECTED: [Expected; 27] = [
    // Ours as a share of what this machine can do, in the same run.
    row(
        "ingest.share-of-jetstream",
        "ratio",
        AtLeast(0.6),
        "loadtest limits",
    ),
    row(
        "ingest.p99-at-half-rate",
        "ms",
        AtMost(25.0),
        "loadtest limits",
    ),
    row(
        "writer.share-of-unnest",
        "ratio",
        AtLeast(0.5),
        "loadtest limits",
    ),
    // The whole pipeline, executor none.
    row(
        "pipeline.results-per-second",
        "1/s",
        AtLeast(6_000.0),
        "loadtest burst",
    ),
    row(
        "pipeline.pushes-per-second",
        "1/s",
        AtLeast(2_000.0),
        "loadtest burst",
    ),
    row(
        "steady.push-to-result.p95",
        "ms",
        AtMost(25.0),
        "loadtest steady --rate 200",
    ),
    row(
        "steady.push-to-result.p99",
        "ms",
        AtMost(50.0),
        "loadtest steady --rate 200",
    ),
    row(
        "single.push-to-result.p50",
        "ms",
        AtMost(60.0),
        "loadtest single",
    ),
    row("pipeline.cpu-per-push", "ms", AtMost(1.0), "loadtest burst"),
    row(
        "burst.memory.service-max",
        "MiB",
        AtMost(150.0),
        "loadtest burst --count 100000",
    ),
    row("idle.cpu", "%", AtMost(2.0), "loadtest idle"),
    row("idle.memory", "MiB", AtMost(120.0), "loadtest idle"),
    row("pipeline.lost", "deliveries", AtMost(0.0), "loadtest burst"),
    row(
        "pipeline.doubled",
        "deliveries",
        AtMost(0.0),
        "loadtest burst",
    ),
    // With 10 million attempts in the ledger.
    row(
        "growth.writer-share",
        "ratio",
        AtLeast(0.8),
        "make bench-growth",
    ),
    row(
        "growth.pipeline-share",
        "ratio",
        AtLeast(0.8),
        "make bench-growth",
    ),
    row(
        "growth.queries-without-index",
        "queries",
        AtMost(0.0),
        "make bench-growth",
    ),
    // What other issues ask of `make bench`.
    row(
        "verifier.box-overhead",
        "ms",
        AtMost(15.0),
        "cargo bench -p verifier --bench sandbox",
    ),
    for_orientation("verifier.verifications-per-second", "1/s"),
    for_orientation("verifier.own-share", "%"),
    row(
        "auditor.leaves-per-second",
        "1/s",
        AtLeast(20_000.0),
        "cargo bench -p auditor",
    ),
    Expected {
        by: "cargo bench -p proofs --bench mirror",
        ..for_orientation("auditor.verify-log-share", "ratio")
    },
    // A proof in a log of a million leaves; those of smaller ones are handed over beside it.
    Expected {
        by: "cargo bench -p proofs --bench mirror",
        ..for_orientation("proofs.bytes-1000000", "bytes")
    },
    Expected {
        by: "cargo bench -p proofs --bench mirror",
        ..for_orientation("proofs.made-1000000", "ms")
    },
    Expected {
        by: "cargo bench -p proofs --bench mirror",
        ..for_orientation("proofs.checked-1000000", "ms")
    },
    Expected {
        by: "cargo bench -p auditor",
        ..for_orientation("auditor.lag", "ms")
    },
    Expected {
        by: "loadtest limits",
        ..for_orientation("ingest.deliveries-per-second", "1/s")
    },
];

const fn for_orientation(id: &'static str, unit: &'static str) -> Expected {
    Expected {
        id,
        unit,
        must: None,
        by: "cargo bench -p verifier --bench sandbox",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_figure_is_asked_for_once() {
        let ids: HashSet<_> = EXPECTED.iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), EXPECTED.len());
    }
}
