//! Owns the comparison of a verification with its replay. No IO, no clock.

use std::collections::BTreeMap;

use contract::result::{StepResult, TestOutcome};
use store::verification_attempt::VerificationRow;

use crate::judge::Judgement;
use report::harmless::{self, REASON_CHARS_MAX};

/// Most differences that are told.
const DIFFERENCES_MAX: usize = 50;

/// In what the replay came out otherwise; empty when it agrees. Times are not compared, nor what
/// was printed.
pub(crate) fn differences(before: &VerificationRow, now: &Judgement) -> Vec<String> {
    let mut told = Vec::new();
    let verdict = now.verdict.as_str();
    if before.result != verdict {
        told.push(format!("result: {}, now {verdict}", before.result));
    }
    if i64::from(before.points) != i64::from(now.points) {
        told.push(format!("points: {}, now {}", before.points, now.points));
    }
    let steps: Vec<StepResult> = serde_json::from_value(before.steps.clone()).unwrap_or_default();
    if steps.len() != now.steps.len() {
        told.push(format!("steps: {}, now {}", steps.len(), now.steps.len()));
    }
    for (before, now) in steps.iter().zip(&now.steps) {
        told.extend(of_step(before, now));
    }
    told.truncate(DIFFERENCES_MAX);
    told.iter()
        .map(|line| harmless::line(line, REASON_CHARS_MAX))
        .collect()
}

fn of_step(before: &StepResult, now: &StepResult) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |what: &str, before: String, after: String| {
        if before != after {
            told.push(format!("{}: {what}: {before}, now {after}", now.name));
        }
    };
    tell("ended", ending(before), ending(now));
    let (then, since) = (tests(before), tests(now));
    let names = then
        .keys()
        .chain(since.keys().filter(|name| !then.contains_key(*name)));
    for name in names {
        tell(name, outcomes(then.get(name)), outcomes(since.get(name)));
    }
    told
}

fn ending(step: &StepResult) -> String {
    match (&step.limit, step.signal, step.exit_code) {
        (Some(limit), ..) => format!("limit {limit}"),
        (None, Some(signal), _) => format!("signal {signal}"),
        (None, None, Some(code)) => format!("exit code {code}"),
        (None, None, None) => "nothing".to_owned(),
    }
}

fn tests(step: &StepResult) -> BTreeMap<&str, Vec<TestOutcome>> {
    let mut tests: BTreeMap<&str, Vec<TestOutcome>> = BTreeMap::new();
    for test in &step.tests {
        tests.entry(&test.name).or_default().push(test.outcome);
    }
    tests
}

fn outcomes(outcomes: Option<&Vec<TestOutcome>>) -> String {
    let Some(outcomes) = outcomes else {
        return "not reported".to_owned();
    };
    let words: Vec<_> = outcomes.iter().map(|outcome| outcome.as_str()).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests_of_this {
    use contract::result::{TestResult, Verdict};
    use contract::time::Timestamp;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn step(exit_code: i32, tests: &[(&str, TestOutcome)]) -> StepResult {
        let test = |&(name, outcome): &(&str, TestOutcome)| TestResult {
            name: name.to_owned(),
            outcome,
            duration_ms: Some(u64::try_from(exit_code).unwrap()),
            message: None,
        };
        StepResult {
            strength: None,
            name: "unit".to_owned(),
            passed: exit_code == 0,
            exit_code: Some(exit_code),
            signal: None,
            limit: None,
            wall_ms: 1,
            points: 0,
            points_max: 1,
            reason: None,
            tests: tests.iter().map(test).collect(),
        }
    }

    fn judged(verdict: Verdict, points: u32, step: StepResult) -> Judgement {
        Judgement {
            verdict,
            points,
            points_max: 4,
            steps: vec![step],
            detail: None,
        }
    }

    fn row(judgement: &Judgement) -> VerificationRow {
        VerificationRow {
            id: Uuid::nil(),
            request_id: Uuid::nil(),
            try_number: 1,
            token: 1,
            result: judgement.verdict.to_string(),
            cause: None,
            detail: None,
            points: judgement.points.try_into().unwrap(),
            points_max: 4,
            steps: json!(judgement.steps),
            limits: json!({}),
            peaks: json!({}),
            snapshot_digest: None,
            lab_version_digest: String::new(),
            log_digest: None,
            log_bytes: None,
            runner: String::new(),
            worker: String::new(),
            retry_at: None,
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            recorded_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_comes_out_otherwise_is_told_and_nothing_else() {
        use TestOutcome::{Failed, Passed};
        let passed = judged(Verdict::Pass, 4, step(0, &[("a", Passed), ("b", Passed)]));
        let mut slower = passed.clone();
        slower.steps[0].wall_ms = 900;
        slower.steps[0].tests[0].duration_ms = None;
        assert_eq!(differences(&row(&passed), &slower), [""; 0]);

        let failed = judged(Verdict::Fail, 2, step(1, &[("a", Failed), ("c", Passed)]));
        let told = differences(&row(&passed), &failed);
        let expected = [
            "result: pass, now fail",
            "points: 4, now 2",
            "unit: ended: exit code 0, now exit code 1",
            "unit: a: passed, now failed",
            "unit: b: passed, now not reported",
            "unit: c: not reported, now passed",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_limit_that_stopped_a_step_is_compared() {
        let once = judged(Verdict::Fail, 0, step(1, &[]));
        let mut stopped = once.clone();
        stopped.steps[0].limit = Some("wall".to_owned());
        let told = differences(&row(&once), &stopped);
        assert_eq!(told, ["unit: ended: exit code 1, now limit wall"]);
    }
}
