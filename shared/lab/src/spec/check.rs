//! Owns the judgement of a written `lab.toml`: everything that types alone do not settle.

use std::ops::Range;

use chrono::DateTime;
use contract::name::{CommitSha, Slug, ToolName};
use contract::time::{Timestamp, to_micros};
use toml::Spanned;
use toml::value::Datetime;

use crate::bounds::{
    Bound, CPU, DISK, FILE_BYTES_MAX, MEMORY, NAME_CHARS_MAX, OUTPUT, PATTERNS_MAX, PROCESSES,
    RETENTION_DAYS, TEMPLATE_COMMITS_MAX, TOOLS_MAX, WALL,
};
use crate::mistake::{Fault, of_toml};
use crate::pattern::BadPattern;
use crate::raw::{RawLab, RawLimits, RawRetention, RawSession, RawSpec, RawVerify};
use crate::spec::{
    Commits, Counts, Executor, LabSpec, Limits, RetentionRules, SessionRules, VerifyRules,
};

mod steps;

use steps::{check_steps, check_tests};

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
    let session = check_session(raw.session)?;
    let verify = check_verify(raw.verify)?;
    Ok(LabSpec {
        slug,
        title,
        session,
        limits: check_limits(&raw.limits)?,
        retention: check_retention(&raw.retention)?,
        steps: check_steps(verify.executor, raw.step)?,
        verify,
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
        executor: check_word(
            "executor",
            verify.executor,
            &[("box", Executor::Box), ("none", Executor::None)],
        )?,
        supersede: verify.supersede,
        protected: check_patterns("protected", verify.protected)?,
        hidden: check_patterns("hidden", verify.hidden)?,
        expected_tests: values(verify.expected_tests),
        tools: check_tools(verify.tools)?,
    })
}

fn check_tools(tools: Vec<Spanned<String>>) -> Result<Vec<ToolName>, Fault> {
    if let Some(extra) = tools.get(TOOLS_MAX) {
        let reason = format!("there are more than {TOOLS_MAX} tools");
        return Err(Fault::new(extra.span(), reason, "join some of the folders"));
    }
    let mut names = Vec::with_capacity(tools.len());
    for tool in tools {
        let name: ToolName = tool.get_ref().parse().map_err(|_| {
            let reason = format!("tool {:?} is refused", tool.get_ref());
            let advice = "write 1 to 64 of the characters a-z, A-Z, 0-9, '-', '_' and '.', as the \
                          verifier's settings call it";
            Fault::new(tool.span(), reason, advice)
        })?;
        if names.contains(&name) {
            let reason = format!("tool {name} is named twice");
            return Err(Fault::new(tool.span(), reason, "name it once"));
        }
        names.push(name);
    }
    Ok(names)
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

fn check_retention(rules: &RawRetention) -> Result<RetentionRules, Fault> {
    let days = |key: &str, value: Option<&Spanned<i64>>| {
        let days = value.map(|value| check_range(key, "days", RETENTION_DAYS, value));
        days.transpose()
    };
    Ok(RetentionRules {
        raw_bodies_days: days("raw_bodies_days", rules.raw_bodies_days.as_ref())?,
        logs_days: days("logs_days", rules.logs_days.as_ref())?,
        snapshots_days: days("snapshots_days", rules.snapshots_days.as_ref())?,
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
