//! Owns the comparison of a run's figures with those of an earlier one, as thought: what became
//! worse by more than noise.

use crate::figures::Figure;
use crate::figures::summary::in_short;

/// A figure that became worse.
#[derive(Clone, PartialEq, Debug)]
pub struct Worse {
    /// Which.
    pub id: String,
    /// What it was.
    pub before: f64,
    /// What it is; `None` where it is measured no more.
    pub now: Option<f64>,
}

impl std::fmt::Display for Worse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, before, now } = self;
        let now = now.map_or_else(|| "not measured".to_owned(), in_short);
        write!(f, "{id}: {now}, was {}", in_short(*before))
    }
}

/// What became worse than in the baseline by more than so many percent, in the baseline's order.
pub fn worse(baseline: &[Figure], now: &[Figure], noise_percent: f64) -> Vec<Worse> {
    let noise = noise_percent / 100.0;
    let mut found = Vec::new();
    for before in baseline.iter().filter(|figure| is_ours(&figure.id)) {
        let Some(was) = before.value else { continue };
        let is = now
            .iter()
            .find(|figure| figure.id == before.id)
            .and_then(|figure| figure.value);
        let is_worse = match is {
            None => true,
            Some(is) if more_is_better(&before.unit) => is < was * (1.0 - noise),
            Some(is) => is > was * (1.0 + noise),
        };
        if is_worse {
            found.push(Worse {
                id: before.id.clone(),
                before: was,
                now: is,
            });
        }
    }
    found
}

/// What others had of the processors and of the memory says why a figure is as it is, and is none of ours.
fn is_ours(id: &str) -> bool {
    !id.ends_with(".stolen") && !id.ends_with(".memory-load")
}

/// Rates and shares of what the machine can do are to be high; times, memory and losses low.
fn more_is_better(unit: &str) -> bool {
    matches!(unit, "1/s" | "ratio" | "MiB/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(rate: f64, time: f64, lost: f64) -> Vec<Figure> {
        vec![
            Figure::measured("rate", rate, "1/s"),
            Figure::measured("time", time, "ms"),
            Figure::measured("lost", lost, "deliveries"),
        ]
    }

    #[test]
    fn only_what_is_worse_beyond_noise_is_named() {
        let baseline = figures(100.0, 10.0, 0.0);
        let names = |now: &[Figure]| -> Vec<String> {
            worse(&baseline, now, 10.0)
                .into_iter()
                .map(|worse| worse.id)
                .collect()
        };
        assert!(names(&figures(100.0, 10.0, 0.0)).is_empty());
        assert!(names(&figures(91.0, 10.9, 0.0)).is_empty());
        assert!(names(&figures(1_000.0, 1.0, 0.0)).is_empty());
        for (id, unit) in [("burst.stolen", "%"), ("burst.memory-load", "ns")] {
            let others = |value| [Figure::measured(id, value, unit)];
            assert!(worse(&others(0.5), &others(30.0), 10.0).is_empty(), "{id}");
        }
        assert_eq!(names(&figures(89.0, 10.0, 0.0)), ["rate"]);
        assert_eq!(names(&figures(100.0, 11.1, 0.0)), ["time"]);
        assert_eq!(names(&figures(100.0, 10.0, 1.0)), ["lost"]);
        assert_eq!(names(&figures(100.0, 10.0, 0.0)[..1]), ["time", "lost"]);
    }
}
