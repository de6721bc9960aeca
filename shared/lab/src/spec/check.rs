//! Owns the judgement of a written `lab.toml`: everything that types alone do not settle.

use std::collections::HashSet;
use std::ops::Range;

use chrono::DateTime;
use contract::name::{CommitSha, Slug};
use contract::time::{Timestamp, to_micros};
use toml::Spanned;
use toml::value::Datetime;

use crate::bounds::{
    Bound, CPU, DISK, FILE_BYTES_MAX, MEMORY, NAME_CHARS_MAX, OUTPUT, PATTERNS_MAX, POINTS_DEFAULT,
    POINTS_MAX, PROCESSES, RUN_BYTES_MAX, STEPS_MAX, TEMPLATE_COMMITS_MAX, TEST_NAME_CHARS_MAX,
    TESTS_MAX, WALL,
};
use crate::mistake::{Fault, of_toml};
use crate::pattern::BadPattern;
use crate::raw::{RawLab, RawLimits, RawSession, RawSpec, RawStep, RawVerify};
use crate::report::{BadReport, ReportForm};
use crate::spec::{Commits, Counts, LabSpec, Limits, SessionRules, Step, VerifyRules};

/// Reads and judges the text.
pub(super) fn read(text: &str) -> Result<LabSpec, Fault> {
    if text.len() > FILE_BYTES_MAX {
        let reason = format!("the file is longer than {FILE_BYTES_MAX} bytes");
        return Err(Fault::new(0..0, reason, "shorten it"));
    }
    let raw: RawSpec = toml::from_str(text).map_err(|error| of_toml(&error))?;
    let Some(lab) = raw.lab else {
        let advice = "add [lab] with a slug: slug = \"intro-to-git\"";
        return Err(Fault::new(0..0, "there is no table [lab]", advice));
    };
    check_tests(&raw.verify, &raw.step)?;
    let (slug, title) = check_lab(lab)?;
    Ok(LabSpec {
        slug,
        title,
        session: check_session(raw.session)?,
        verify: check_verify(raw.verify)?,
        limits: check_limits(&raw.limits)?,
        steps: check_steps(raw.step)?,
    })
}

fn check_lab(lab: RawLab) -> Result<(Slug, String), Fault> {
    let span = lab.slug.span();
    let slug: Slug = lab.slug.get_ref().parse().map_err(|_| {
        let reason = format!("slug {:?} is refused", lab.slug.get_ref());
        let advice = "write 1 to 64 of the characters a-z, A-Z, 0-9, '-' and '_'";
        Fault::new(span, reason, advice)
    })?;
    let title = match lab.title {
        Some(title) => check_name("title", &title, NAME_CHARS_MAX)?,
        None => slug.to_string(),
    };
    Ok((slug, title))
}

fn check_session(session: RawSession) -> Result<SessionRules, Fault> {
    Ok(SessionRules {
        enrol: check_patterns("enrol", session.enrol)?,
        template_commits: check_commits(session.template_commits)?,
        closes_at: session.closes_at.as_ref().map(check_moment).transpose()?,
        counts: check_word(
            "counts",
            session.counts,
            &[("best", Counts::Best), ("latest", Counts::Latest)],
        )?,
    })
}

fn check_commits(commits: Vec<Spanned<String>>) -> Result<Vec<CommitSha>, Fault> {
    if let Some(extra) = commits.get(TEMPLATE_COMMITS_MAX) {
        let reason = format!("there are more than {TEMPLATE_COMMITS_MAX} template_commits");
        let advice = "name the newest of each line of history: what leads to it needs no naming";
        return Err(Fault::new(extra.span(), reason, advice));
    }
    let check = |commit: Spanned<String>| {
        commit.get_ref().parse().map_err(|_| {
            let reason = format!("template commit {:?} is no commit", commit.get_ref());
            Fault::new(
                commit.span(),
                reason,
                "write the whole SHA, in small letters",
            )
        })
    };
    commits.into_iter().map(check).collect()
}

fn check_verify(verify: RawVerify) -> Result<VerifyRules, Fault> {
    Ok(VerifyRules {
        commits: check_word(
            "commits",
            verify.commits,
            &[("head", Commits::Head), ("all", Commits::All)],
        )?,
        protected: check_patterns("protected", verify.protected)?,
        expected_tests: values(verify.expected_tests),
    })
}

fn check_limits(limits: &RawLimits) -> Result<Limits, Fault> {
    Ok(Limits {
        wall_seconds: check_limit(WALL, limits.wall_seconds.as_ref())?,
        cpu_seconds: check_limit(CPU, limits.cpu_seconds.as_ref())?,
        memory_mib: check_limit(MEMORY, limits.memory_mib.as_ref())?,
        processes: check_limit(PROCESSES, limits.processes.as_ref())?,
        disk_mib: check_limit(DISK, limits.disk_mib.as_ref())?,
        output_kib: check_limit(OUTPUT, limits.output_kib.as_ref())?,
    })
}

fn check_steps(steps: Vec<Spanned<RawStep>>) -> Result<Vec<Step>, Fault> {
    if steps.is_empty() {
        let advice = "add at least one table [[step]] with name and run";
        return Err(Fault::new(0..0, "there is no [[step]]", advice));
    }
    if let Some(extra) = steps.get(STEPS_MAX) {
        let reason = format!("there are more than {STEPS_MAX} steps");
        return Err(Fault::new(extra.span(), reason, "join some of them"));
    }
    let mut names = HashSet::new();
    for name in steps.iter().map(|step| &step.get_ref().name) {
        if !names.insert(name.get_ref().trim()) {
            let reason = format!("two steps are called {:?}", name.get_ref());
            return Err(Fault::new(
                name.span(),
                reason,
                "give each a name of its own",
            ));
        }
    }
    steps
        .into_iter()
        .map(Spanned::into_inner)
        .map(check_step)
        .collect()
}

fn check_step(step: RawStep) -> Result<Step, Fault> {
    let run = step.run.get_ref();
    if run.trim().is_empty() {
        let advice = "write the command, such as \"sh tests/run.sh\"";
        return Err(Fault::new(step.run.span(), "run is empty", advice));
    }
    if run.len() > RUN_BYTES_MAX || run.contains('\0') {
        let reason = format!("run is longer than {RUN_BYTES_MAX} bytes or holds a NUL");
        return Err(Fault::new(step.run.span(), reason, "put it into a script"));
    }
    let points = match &step.points {
        None => POINTS_DEFAULT,
        Some(points) => check_range("points", "points", 0..=POINTS_MAX, points)?,
    };
    Ok(Step {
        name: check_name("name", &step.name, NAME_CHARS_MAX)?,
        report: check_report(step.report.as_ref())?,
        points,
        expected_tests: values(step.expected_tests),
        run: step.run.into_inner(),
    })
}

/// The rules over all lists of expected tests together.
fn check_tests(verify: &RawVerify, steps: &[Spanned<RawStep>]) -> Result<(), Fault> {
    let of_steps = steps.iter().flat_map(|step| &step.get_ref().expected_tests);
    let mut seen = HashSet::new();
    for test in verify.expected_tests.iter().chain(of_steps) {
        let name = check_name("expected test", test, TEST_NAME_CHARS_MAX)?;
        if !seen.insert(name) {
            let reason = format!("test {:?} is expected twice", test.get_ref());
            return Err(Fault::new(test.span(), reason, "name each test once"));
        }
        if seen.len() > TESTS_MAX {
            let reason = format!("there are more than {TESTS_MAX} expected tests");
            return Err(Fault::new(test.span(), reason, "shorten the lists"));
        }
    }
    // A form that does not read is found later, with a better reason.
    let names_tests = |step: &Spanned<RawStep>| {
        let report = step.get_ref().report.as_ref();
        report.is_some_and(|form| form.get_ref() != "exit-code")
    };
    let unreported = |test: &Spanned<String>| {
        let reason = "tests are expected, but exit-code reports none";
        let advice = "give the step report = \"junit:report.xml\" or \"tap\"";
        Fault::new(test.span(), reason, advice)
    };
    let silent = steps.iter().filter(|step| !names_tests(step));
    let mut orphans = silent.flat_map(|step| &step.get_ref().expected_tests);
    if let Some(test) = orphans.next() {
        return Err(unreported(test));
    }
    match verify.expected_tests.first() {
        Some(test) if !steps.is_empty() && !steps.iter().any(names_tests) => Err(unreported(test)),
        _ => Ok(()),
    }
}

fn check_report(form: Option<&Spanned<String>>) -> Result<ReportForm, Fault> {
    let Some(form) = form else {
        return Ok(ReportForm::ExitCode);
    };
    form.get_ref().parse().map_err(|bad: BadReport| {
        let advice = match &bad {
            BadReport::Unknown(_) => "write \"junit:<path>\", \"tap\" or \"exit-code\"",
            BadReport::Path(_) => "write a path inside the tree, such as \"junit:report.xml\"",
        };
        Fault::new(form.span(), bad, advice)
    })
}

fn check_limit(bound: Bound, value: Option<&Spanned<i64>>) -> Result<u32, Fault> {
    match value {
        None => Ok(bound.default),
        Some(value) => check_range(bound.key, bound.unit, bound.min..=bound.max, value),
    }
}

fn check_range(
    key: &str,
    unit: &str,
    range: std::ops::RangeInclusive<u32>,
    value: &Spanned<i64>,
) -> Result<u32, Fault> {
    let number = u32::try_from(*value.get_ref()).ok();
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let reason = format!("{key} = {} is out of bounds", value.get_ref());
            let advice = format!("write {} to {} {unit}", range.start(), range.end());
            Fault::new(value.span(), reason, advice)
        })
}

fn check_patterns<P>(key: &str, patterns: Vec<Spanned<String>>) -> Result<Vec<P>, Fault>
where
    P: TryFrom<String, Error = BadPattern>,
{
    if let Some(extra) = patterns.get(PATTERNS_MAX) {
        let reason = format!("{key} has more than {PATTERNS_MAX} patterns");
        return Err(Fault::new(extra.span(), reason, "join some of them"));
    }
    let check = |pattern: Spanned<String>| {
        let span = pattern.span();
        P::try_from(pattern.into_inner()).map_err(|bad| pattern_fault(span, bad))
    };
    patterns.into_iter().map(check).collect()
}

fn pattern_fault(span: Range<usize>, bad: BadPattern) -> Fault {
    let advice = match &bad {
        BadPattern::Text(_) => "write 1 to 512 bytes of text",
        BadPattern::Absolute(_) | BadPattern::Leaves(_) => {
            "write it relative to the root of the tree, without \"..\""
        }
        BadPattern::EmptyPart(_) => "write \"tests/**\" for everything under tests",
        BadPattern::Glob { .. } => "close what is opened; escape a plain sign with \\",
        BadPattern::NotARepository(_) => "write source:owner/name, such as \"github:course/lab-*\"",
        BadPattern::Wildcard(_) => "name one file",
    };
    Fault::new(span, bad, advice)
}

fn check_word<T: Copy + Default>(
    key: &str,
    word: Option<Spanned<String>>,
    words: &[(&str, T)],
) -> Result<T, Fault> {
    let Some(word) = word else {
        return Ok(T::default());
    };
    let known = words.iter().find(|(text, _)| text == word.get_ref());
    known.map(|(_, value)| *value).ok_or_else(|| {
        let reason = format!("{key} = {:?} is no word known here", word.get_ref());
        let list: Vec<_> = words.iter().map(|(text, _)| format!("{text:?}")).collect();
        Fault::new(word.span(), reason, format!("write {}", list.join(" or ")))
    })
}

fn check_name(key: &str, name: &Spanned<String>, chars_max: usize) -> Result<String, Fault> {
    let text = name.get_ref().trim();
    let length = text.chars().count();
    if length == 0 || length > chars_max || text.chars().any(char::is_control) {
        let reason = format!("{key} is empty, too long, or holds a control character");
        let advice = format!("write 1 to {chars_max} printable characters");
        return Err(Fault::new(name.span(), reason, advice));
    }
    Ok(text.to_owned())
}

fn check_moment(moment: &Spanned<Datetime>) -> Result<Timestamp, Fault> {
    let text = moment.get_ref().to_string();
    let parsed = DateTime::parse_from_rfc3339(&text).map_err(|_| {
        let reason = format!("{text} is not a moment");
        let advice = "write date, time and offset, such as 2026-12-18T23:59:00Z";
        Fault::new(moment.span(), reason, advice)
    })?;
    Ok(to_micros(parsed.to_utc()))
}

fn values(list: Vec<Spanned<String>>) -> Vec<String> {
    list.into_iter()
        .map(|item| item.into_inner().trim().to_owned())
        .collect()
}
