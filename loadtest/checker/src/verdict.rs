//! Owns the verdict: the numbers, the findings, and how both are written. No IO.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

/// What is wrong with a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fault {
    /// Was answered 2xx, or must follow from what was, and is not there.
    Lost,
    /// Took effect more than once.
    Doubled,
    /// Is there and says something else than was sent.
    Wrong,
    /// Neither done nor known to be waiting.
    Unaccounted,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] = [Self::Lost, Self::Doubled, Self::Wrong, Self::Unaccounted];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::Wrong => "wrong",
            Self::Unaccounted => "unaccounted",
        }
    }
}

/// One thing that must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Finding {
    pub(crate) fault: Fault,
    /// What it is of, in words that many findings share.
    pub(crate) what: &'static str,
    /// Which one.
    pub(crate) which: String,
}

/// What the checker says.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    counts: Vec<(&'static str, u64)>,
    findings: Vec<Finding>,
    /// Why messages became dead letters, and how many.
    pub(crate) dead: BTreeMap<String, u64>,
    /// The faults that the account notes.
    pub(crate) faults: BTreeMap<String, u64>,
}

impl Verdict {
    /// Adds to a number; those that were never added to are shown when they were named by zero.
    pub(crate) fn count(&mut self, name: &'static str, more: u64) {
        match self.counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, number)) => *number += more,
            None => self.counts.push((name, more)),
        }
    }

    /// A number.
    #[cfg(test)]
    pub(crate) fn number(&self, name: &str) -> u64 {
        let found = self.counts.iter().find(|(known, _)| *known == name);
        found.map_or(0, |(_, number)| *number)
    }

    pub(crate) fn find(&mut self, fault: Fault, what: &'static str, which: impl Into<String>) {
        self.findings.push(Finding {
            fault,
            what,
            which: which.into(),
        });
    }

    /// How many findings there are of a fault.
    pub(crate) fn of(&self, fault: Fault) -> usize {
        let same = |finding: &&Finding| finding.fault == fault;
        self.findings.iter().filter(same).count()
    }

    /// Whether nothing is lost, doubled, wrong or unaccounted for.
    pub(crate) fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn found(&self) -> Vec<(Fault, &'static str)> {
        let mut found: Vec<_> = self.findings.iter().map(|f| (f.fault, f.what)).collect();
        found.dedup();
        found
    }

    /// For people.
    pub(crate) fn table(&self, culprits_max: usize) -> String {
        let mut text = String::new();
        let mut line = |name: &str, number: u64| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<44}{number:>10}");
        };
        for (name, number) in &self.counts {
            line(name, *number);
        }
        for (what, number) in &self.faults {
            line(&format!("fault: {what}"), *number);
        }
        for (reason, number) in &self.dead {
            line(&format!("dead letter: {reason:.30}"), *number);
        }
        for fault in Fault::ALL {
            line(&fault.as_str().to_uppercase(), self.of(fault) as u64);
        }
        for finding in self.findings.iter().take(culprits_max) {
            let Finding { fault, what, which } = finding;
            let _ = writeln!(text, "{}: {what}: {which}", fault.as_str());
        }
        let more = self.findings.len().saturating_sub(culprits_max);
        if more > 0 {
            let _ = writeln!(text, "… and {more} more");
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self, culprits_max: usize) -> Value {
        let counts: serde_json::Map<_, _> = self
            .counts
            .iter()
            .map(|(name, number)| {
                (
                    name.replace([' ', ',', '-'], "_").replace("__", "_"),
                    json!(number),
                )
            })
            .collect();
        let culprits: Vec<Value> = self
            .findings
            .iter()
            .take(culprits_max)
            .map(|f| json!({ "fault": f.fault.as_str(), "what": f.what, "which": f.which }))
            .collect();
        json!({
            "good": self.is_good(),
            "lost": self.of(Fault::Lost),
            "doubled": self.of(Fault::Doubled),
            "wrong": self.of(Fault::Wrong),
            "unaccounted": self.of(Fault::Unaccounted),
            "counts": counts,
            "dead_letters": self.dead,
            "faults": self.faults,
            "culprits": culprits,
        })
    }
}
