//! Owns the report of a run: figures for programs, and a page for people. No IO.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::drain::Drained;
use witness::verdict::Verdict;

/// What a run was and what came out.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The command that does the same.
    pub command: String,
    /// How long things were done to the house, in seconds.
    pub tortured_secs: u64,
    /// How long the queues took to drain, in seconds.
    pub drained_secs: u64,
    /// What was done, and how often.
    pub done: BTreeMap<String, u64>,
    /// What must have been done at least once.
    pub planned: BTreeSet<String>,
    /// What this machine does not allow, if there is such a thing.
    pub skipped: Option<&'static str>,
    /// How the drain ended.
    pub drained: Drained,
    /// What the checker says.
    pub verdict: Verdict,
    /// What `assay verify-log --ledger` says.
    pub log: String,
}

/// How `assay verify-log` ends where the log is whole and nothing waits.
const LOG_IS_WHOLE: &str = " 0 entries waiting";
/// How the names of kills begin, and those at any moment end.
const KILLED: &str = "SIGKILL ";
const AT_RANDOM: &str = "at random";

impl Report {
    /// Whether the run shows what it is to show.
    pub fn is_good(&self) -> bool {
        self.verdict.is_good
            && self.drained.is_done
            && self.log.contains(LOG_IS_WHOLE)
            && self.never_done().is_empty()
            && self.given_up() == 0
    }

    /// What was planned, and never happened.
    pub fn never_done(&self) -> Vec<&str> {
        let planned = self.planned.iter().map(String::as_str);
        planned
            .filter(|what| !self.done.contains_key(*what))
            .collect()
    }

    /// Messages that became dead letters and are no poison: none of these faults is theirs.
    pub fn given_up(&self) -> u64 {
        self.verdict.figures["counts"]["dead_letters_of_no_poison"]
            .as_u64()
            .unwrap_or(u64::MAX)
    }

    /// SIGKILLs, of services and of servers.
    pub fn kills(&self) -> u64 {
        let kills = self
            .done
            .iter()
            .filter(|(what, _)| what.starts_with(KILLED));
        kills.map(|(_, number)| number).sum()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "seed": self.seed,
            "command": self.command,
            "good": self.is_good(),
            "kills": self.kills(),
            "tortured_seconds": self.tortured_secs,
            "drained_seconds": self.drained_secs,
            "drained": self.drained.is_done,
            "last_seen": self.drained.seen,
            "done": self.done,
            "never_done": self.never_done(),
            "skipped": self.skipped,
            "verify_log": self.log,
            "checker": self.verdict.figures,
        })
    }

    /// For people.
    pub fn page(&self) -> String {
        let figures = &self.verdict.figures;
        let drained = if self.drained.is_done {
            "they were"
        } else {
            "they were not"
        };
        let mut page = format!(
            "# Torture, seed {}\n\n`{}`\n\n{} s of torture, {} s until the queues \
             were empty ({drained}).\n\n\
             SIGKILLs: **{}**. Lost: **{}**. Doubled: **{}**. Wrong: **{}**. \
             Unaccounted: **{}**. Given up: **{}**.\n\n\
             Planned and never done: {}.\n",
            self.seed,
            self.command,
            self.tortured_secs,
            self.drained_secs,
            self.kills(),
            figures["lost"],
            figures["doubled"],
            figures["wrong"],
            figures["unaccounted"],
            self.given_up(),
            match self.never_done() {
                none if none.is_empty() => "nothing".to_owned(),
                some => some.join(", "),
            },
        );
        if let Some(skipped) = self.skipped {
            page += &format!("Skipped: {skipped}.\n");
        }
        self.write_kills(&mut page);
        page += "\n## What was done\n\n| what | times |\n|---|---:|\n";
        for (what, number) in &self.done {
            page += &format!("| {what} | {number} |\n");
        }
        self.write_verdict(&mut page);
        page
    }

    /// The kills by who died and when: everybody had work, or the kill was put off.
    fn write_kills(&self, page: &mut String) {
        let mut by: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (what, number) in &self.done {
            let Some(rest) = what.strip_prefix(KILLED) else {
                continue;
            };
            let who = rest.split(' ').next().unwrap_or(rest);
            let (at_random, at_moments) = by.entry(who).or_default();
            if rest.ends_with(AT_RANDOM) {
                *at_random += number;
            } else {
                *at_moments += number;
            }
        }
        *page += "\n## Who was killed at work\n\n";
        *page += "| who | at random | at a moment | all |\n|---|---:|---:|---:|\n";
        for (who, (at_random, at_moments)) in by {
            let all = at_random + at_moments;
            *page += &format!("| {who} | {at_random} | {at_moments} | {all} |\n");
        }
    }

    fn write_verdict(&self, page: &mut String) {
        let figures = &self.verdict.figures;
        *page += "\n## What the checker says\n\n| | |\n|---|---:|\n";
        for (name, number) in figures["counts"].as_object().into_iter().flatten() {
            *page += &format!("| {} | {number} |\n", name.replace('_', " "));
        }
        for (reason, number) in figures["dead_letters"].as_object().into_iter().flatten() {
            let reason = reason.replace('|', "/");
            *page += &format!("| dead letter: {reason} | {number} |\n");
        }
        for culprit in figures["culprits"].as_array().into_iter().flatten() {
            let text = |name: &str| culprit[name].as_str().unwrap_or_default().to_owned();
            let (fault, what, which) = (text("fault"), text("what"), text("which"));
            *page += &format!("\n- {fault}: {what}: {which}\n");
        }
        *page += &format!(
            "\n## What `assay verify-log --ledger` says\n\n```text\n{}\n```\n",
            self.log
        );
    }
}
