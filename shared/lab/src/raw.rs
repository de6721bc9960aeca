//! Owns the shape of a `lab.toml` as it is written, each value with its place.
//! Judges nothing but types and keys.

use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a lab.toml")]
pub(crate) struct RawSpec {
    pub(crate) lab: Option<RawLab>,
    #[serde(default)]
    pub(crate) session: RawSession,
    #[serde(default)]
    pub(crate) verify: RawVerify,
    #[serde(default)]
    pub(crate) limits: RawLimits,
    #[serde(default)]
    pub(crate) retention: RawRetention,
    #[serde(default)]
    pub(crate) step: Vec<Spanned<RawStep>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [lab]")]
pub(crate) struct RawLab {
    pub(crate) slug: Spanned<String>,
    pub(crate) title: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [session]")]
pub(crate) struct RawSession {
    #[serde(default)]
    pub(crate) enrol: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) template_commits: Vec<Spanned<String>>,
    pub(crate) closes_at: Option<Spanned<Datetime>>,
    pub(crate) counts: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [verify]")]
pub(crate) struct RawVerify {
    pub(crate) commits: Option<Spanned<String>>,
    pub(crate) executor: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) supersede: bool,
    #[serde(default)]
    pub(crate) protected: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) hidden: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) expected_tests: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) tools: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [limits]")]
pub(crate) struct RawLimits {
    pub(crate) wall_seconds: Option<Spanned<i64>>,
    pub(crate) cpu_seconds: Option<Spanned<i64>>,
    pub(crate) memory_mib: Option<Spanned<i64>>,
    pub(crate) processes: Option<Spanned<i64>>,
    pub(crate) disk_mib: Option<Spanned<i64>>,
    pub(crate) output_kib: Option<Spanned<i64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [retention]")]
pub(crate) struct RawRetention {
    pub(crate) raw_bodies_days: Option<Spanned<i64>>,
    pub(crate) logs_days: Option<Spanned<i64>>,
    pub(crate) snapshots_days: Option<Spanned<i64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [[step]]")]
pub(crate) struct RawStep {
    pub(crate) name: Spanned<String>,
    pub(crate) run: Option<Spanned<String>>,
    pub(crate) judge: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) reads: Vec<Spanned<String>>,
    pub(crate) report: Option<Spanned<String>>,
    pub(crate) points: Option<Spanned<i64>>,
    #[serde(default)]
    pub(crate) expected_tests: Vec<Spanned<String>>,
}
