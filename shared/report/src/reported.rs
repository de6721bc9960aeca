//! Owns what a step's report says, whatever its form: named tests, and what is wrong with it.

use contract::result::TestOutcome;

/// Largest report file, in bytes.
pub const REPORT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Most tests of one report.
pub const TESTS_MAX: usize = 5_000;

/// What a step's report says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Its tests, in its order.
    pub tests: Vec<ReportedTest>,
    /// How many tests it says there are, where its form lets it.
    pub planned: Option<usize>,
    /// Why its tests are not the whole story: a plan that was not kept, an error outside tests.
    pub problem: Option<String>,
}

/// One test of a report; its texts are harmless already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportedTest {
    /// Its name.
    pub name: String,
    /// Its name with its class before it, where the report has one.
    pub qualified: Option<String>,
    /// How it came out.
    pub outcome: TestOutcome,
    /// Milliseconds.
    pub duration_ms: Option<u64>,
    /// What the report says of it.
    pub message: Option<String>,
}

/// What became of a step's report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reported {
    /// The step names no tests.
    Nothing,
    /// It was read.
    Tests(Report),
    /// It is missing or does not read, for this reason.
    Unreadable(String),
}
