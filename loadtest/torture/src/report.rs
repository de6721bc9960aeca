//! Owns the report of a run: figures for programs, and a page for people. No IO.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::drain::Drained;
use crate::verdict::Verdict;

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
    /// Deadlocks that Postgres ended, as its log has them.
    pub deadlocks: usize,
    /// How the drain ended.
    pub drained: Drained,
    /// What the checker says.
    pub verdict: Verdict,
    /// What `assay verify-log --ledger` says.
    pub log: String,
}

/// How `assay verify-log` ends where the log is whole and nothing waits.
const LOG_IS_WHOLE: &str = " 0 entries waiting";

impl Report {
    /// Whether the run shows what it is to show.
    pub fn is_good(&self) -> bool {
        self.verdict.is_good && self.drained.is_done && self.log.contains(LOG_IS_WHOLE)
    }

    /// SIGKILLs, of services and of servers.
    pub fn kills(&self) -> u64 {
        let kills = self
            .done
            .iter()
            .filter(|(what, _)| what.starts_with("SIGKILL"));
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
            "deadlocks": self.deadlocks,
            "verify_log": self.log,
            "checker": self.verdict.figures,
        })
    }

    /// For people.
    pub fn page(&self) -> String {
        let figures = &self.verdict.figures;
        let mut page = format!(
            "# Torture, seed {}\n\n`{}`\n\n{} s of torture, {} s until the queues \
             were empty ({}).\n\n\
             SIGKILLs: **{}**. Lost: **{}**. Doubled: **{}**. Wrong: **{}**. \
             Unaccounted: **{}**.\n\n\
             ## What was done\n\n| what | times |\n|---|---:|\n",
            self.seed,
            self.command,
            self.tortured_secs,
            self.drained_secs,
            if self.drained.is_done {
                "they were"
            } else {
                "they were not"
            },
            self.kills(),
            figures["lost"],
            figures["doubled"],
            figures["wrong"],
            figures["unaccounted"],
        );
        // Writing to a string cannot fail.
        for (what, number) in &self.done {
            let _ = writeln!(page, "| {what} | {number} |");
        }
        let _ = writeln!(
            page,
            "| deadlocks that Postgres ended | {} |",
            self.deadlocks
        );
        let _ = write!(page, "\n## What the checker says\n\n| | |\n|---|---:|\n");
        for (name, number) in figures["counts"].as_object().into_iter().flatten() {
            let _ = writeln!(page, "| {} | {number} |", name.replace('_', " "));
        }
        for (reason, number) in figures["dead_letters"].as_object().into_iter().flatten() {
            let _ = writeln!(
                page,
                "| dead letter: {} | {number} |",
                reason.replace('|', "/")
            );
        }
        for culprit in figures["culprits"].as_array().into_iter().flatten() {
            let text = |name: &str| culprit[name].as_str().unwrap_or_default().to_owned();
            let (fault, what, which) = (text("fault"), text("what"), text("which"));
            let _ = writeln!(page, "\n- {fault}: {what}: {which}");
        }
        let _ = write!(
            page,
            "\n## What `assay verify-log --ledger` says\n\n```text\n{}\n```\n",
            self.log
        );
        page
    }
}
