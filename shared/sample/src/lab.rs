//! Owns the sample lab, a learner's repository made from it, and what a learner may commit.

use anyhow::Result;

use crate::forge::LoopbackForge;
use crate::repository::{Change, Clock, Repository};

/// The lab's `lab.toml`. It enrols the source `github`, repositories `course-*/intro-*`.
pub const LAB_TOML: &str = include_str!("lab_files/lab.toml");
/// The tests that the sample lab expects.
pub const EXPECTED_TESTS: [&str; 2] = ["adds", "subtracts"];
/// What the sample lab's repository holds.
pub const LAB: &[Change<'static>] = &[
    Change::File(b"lab.toml", LAB_TOML.as_bytes()),
    Change::File(b"README.md", include_bytes!("lab_files/README.md")),
    Change::File(b"tests/run.sh", include_bytes!("lab_files/run.sh")),
    Change::Executable(b"calc.sh", include_bytes!("lab_files/calc-start.sh")),
];
/// A change after which every test passes.
pub const PASSING: &[Change<'static>] = &[Change::Executable(
    b"calc.sh",
    include_bytes!("lab_files/calc-right.sh"),
)];
/// A change after which `adds` passes and `subtracts` does not.
pub const FAILING: &[Change<'static>] = &[Change::Executable(
    b"calc.sh",
    include_bytes!("lab_files/calc-wrong.sh"),
)];
/// A change that tries to get by with tests of its own. The lab's are laid over them.
pub const CHEATING: &[Change<'static>] = &[
    Change::Executable(b"calc.sh", include_bytes!("lab_files/calc-wrong.sh")),
    Change::File(
        b"tests/run.sh",
        b"echo '<testsuite><testcase name=\"adds\"/><testcase name=\"subtracts\"/></testsuite>' >report.xml\n",
    ),
];

/// Makes the sample lab's repository, its content in one commit on `main`.
///
/// # Errors
/// What git says.
pub async fn make_lab(forge: &LoopbackForge, full_name: &str, clock: Clock) -> Result<Repository> {
    let lab = forge.create(full_name, clock).await?;
    lab.commit("main", "Write the lab", LAB).await?;
    Ok(lab)
}

/// Makes a learner's repository from the lab's, as a forge does from a template: one commit on
/// `main`, the starting commit of the session.
///
/// # Errors
/// What git says.
pub async fn make_learner(
    forge: &LoopbackForge,
    lab: &Repository,
    full_name: &str,
    clock: Clock,
) -> Result<Repository> {
    let learner = forge.create(full_name, clock).await?;
    learner.commit_template(lab, "main").await?;
    Ok(learner)
}
