//! Owns `assay verify`: a folder verified by a lab's folder on this machine, without servers, by
//! the verifier's own code.

use std::path::{Path, PathBuf};

use clap::Args;
use contract::live::LiveEvent;
use contract::result::{StepResult, Strength, TestOutcome, Verdict};
use process::exit;
use verifier::local::{CannotVerify, Local, LocalResult, verify};

use crate::context::Context;
use crate::live;
use crate::say::say;

/// It could not be judged: the lab cannot work, or no box can be made here.
const NO_JUDGEMENT: u8 = 2;

/// What is verified on this machine.
#[derive(Clone, Debug, Args)]
pub(crate) struct LocalVerify {
    /// The learner's folder, as it would be pushed.
    pub(crate) folder: PathBuf,
    /// The lab's folder, its lab.toml at the root.
    #[arg(long)]
    pub(crate) lab: PathBuf,
    /// The result as JSON, for machines, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
    /// Run it even where this machine cannot enforce every limit: strangers' code can then take
    /// all that the machine has.
    #[arg(long)]
    pub(crate) dangerously_run_without_limits: bool,
}

pub(crate) async fn local(context: &Context, asked: &LocalVerify) -> anyhow::Result<u8> {
    let mut settings = context.settings.verifier.clone();
    settings.dangerously_run_without_limits |= asked.dangerously_run_without_limits;
    let local = Local {
        learner: &asked.folder,
        lab: &asked.lab,
        settings: &settings,
    };
    let mut teller = live::Teller::default();
    let mut hear = |event: LiveEvent| {
        if !asked.json {
            teller.tell(&event);
        }
    };
    let result = match verify(local, &mut hear).await {
        Ok(result) => result,
        Err(problem) => return Ok(unable(asked, &problem)),
    };
    if asked.json {
        say!("{}", serde_json::to_string_pretty(&result)?);
    } else {
        show(&result, &asked.lab);
    }
    Ok(match result.result {
        Verdict::Pass => exit::OK,
        Verdict::Fail => exit::FAILED,
        Verdict::Error | Verdict::Superseded | Verdict::Unchecked => NO_JUDGEMENT,
    })
}

fn unable(asked: &LocalVerify, problem: &CannotVerify) -> u8 {
    let mut reason = problem.to_string();
    let mut source = std::error::Error::source(problem);
    while let Some(cause) = source {
        reason.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    if asked.json {
        let told = serde_json::json!({ "result": "error", "detail": reason });
        say!("{told:#}");
    } else {
        eprintln!("no judgement: {reason}");
    }
    NO_JUDGEMENT
}

fn show(result: &LocalResult, lab: &Path) {
    for left_out in &result.left_out {
        say!("left out: {left_out}");
    }
    say!();
    result.steps.iter().for_each(show_step);
    let detail = match (&result.detail, result.cause) {
        (Some(detail), Some(cause)) => format!(": {cause}: {detail}"),
        (Some(detail), None) => format!(": {detail}"),
        (None, _) => String::new(),
    };
    say!(
        "{}  {} of {} points{detail}",
        result.result,
        result.points,
        result.points_max
    );
    if result.strength == Strength::Shared {
        say!(
            "This lab's results can be forged by who tries: `assay lab check {}` says why.",
            lab.display()
        );
    }
}

/// A step and its tests, as people read them.
pub(crate) fn show_step(step: &StepResult) {
    let mark = if step.passed { "passed" } else { "failed" };
    let strength = step.strength.map(|strength| format!(", {strength}"));
    say!(
        "{mark}  {}  {} of {} points, {} ms{}",
        step.name,
        step.points,
        step.points_max,
        step.wall_ms,
        strength.unwrap_or_default(),
    );
    for test in &step.tests {
        let time = test.duration_ms.map(|ms| format!("  {ms} ms"));
        say!(
            "    {:7} {}{}",
            test.outcome,
            test.name,
            time.unwrap_or_default()
        );
        let message = test.message.as_deref().unwrap_or_default();
        if test.outcome != TestOutcome::Passed {
            message.lines().for_each(|line| say!("            {line}"));
        }
    }
    if let Some(reason) = &step.reason {
        say!("    {reason}");
    }
}
