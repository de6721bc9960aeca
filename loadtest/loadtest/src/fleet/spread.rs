//! Owns how evenly work is spread over the processes of a service, as their metrics say it.

use std::collections::BTreeMap;

use process::settings::service::Service;
use serde::{Deserialize, Serialize};

use crate::fleet::Fleet;

/// What counts as the work of a service that many do at once: a metric, and the labels of what
/// counts.
const WORK: [(Service, &str, &[&str]); 3] = [
    (Service::WebhookIngest, "assay_hooks_total", &[]),
    (
        Service::AttemptWriter,
        "assay_messages_total",
        &["consumer=\"attempt-writer\"", "outcome=\"done\""],
    ),
    (
        Service::Verifier,
        "assay_messages_total",
        &["outcome=\"done\""],
    ),
];

/// What each process has done so far, by service.
pub type Done = BTreeMap<String, Vec<f64>>;

/// How the work of a service was spread.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Spread {
    /// The service.
    pub service: String,
    /// What each process did, in the order of their numbers.
    pub done: Vec<f64>,
    /// The same as a share of all, from 0 to 1.
    pub shares: Vec<f64>,
}

/// Asks every process what it has done.
pub async fn done(fleet: &Fleet) -> Done {
    let mut done = Done::new();
    for (service, metric, labels) in WORK {
        let mut each = Vec::new();
        for replica in fleet.of(service) {
            each.push(replica.metrics().await.sum(metric, labels));
        }
        done.insert(service.to_string(), each);
    }
    done
}

/// How what was done between two looks was spread.
pub fn spread(before: &Done, after: &Done) -> Vec<Spread> {
    let of = |(service, now): (&String, &Vec<f64>)| {
        let none = Vec::new();
        let then = before.get(service).unwrap_or(&none);
        let then = then.iter().copied().chain(std::iter::repeat(0.0));
        let done: Vec<f64> = now
            .iter()
            .zip(then)
            .map(|(now, then)| (now - then).max(0.0))
            .collect();
        let all: f64 = done.iter().sum();
        let shares = done.iter().map(|own| own / all.max(1.0)).collect();
        Spread {
            service: service.clone(),
            done,
            shares,
        }
    };
    after.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_what_was_done_between_two_looks() {
        let look = |done: &[f64]| Done::from([("verifier".to_owned(), done.to_vec())]);
        let spread = spread(&look(&[10.0, 0.0]), &look(&[40.0, 10.0]));
        assert_eq!(spread[0].done, [30.0, 10.0]);
        assert_eq!(spread[0].shares, [0.75, 0.25]);
        let nothing = super::spread(&look(&[1.0]), &look(&[1.0]));
        assert_eq!(nothing[0].shares, [0.0]);
    }
}
