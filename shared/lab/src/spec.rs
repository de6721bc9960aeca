//! Owns what a lab asks for: the judged content of its `lab.toml`.

use contract::name::{CommitSha, Slug, ToolName};
use contract::result::Strength;
use contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bounds::{CPU, DISK, MEMORY, OUTPUT, PROCESSES, WALL};
use crate::mistake::Mistake;
use crate::pattern::{EnrolPattern, TreePattern};
use crate::place::Places;
use crate::report::ReportForm;

mod check;

/// The file at the root of a lab's repository.
pub const FILE_NAME: &str = "lab.toml";

/// What a lab asks for. Kept as JSON in the lab version's row, so a field that is added later
/// needs a default.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LabSpec {
    /// The lab's short name.
    pub slug: Slug,
    /// What people call it; the slug when the lab does not say.
    pub title: String,
    /// What holds for sessions.
    pub session: SessionRules,
    /// What is verified, and against what.
    pub verify: VerifyRules,
    /// What a step may use.
    pub limits: Limits,
    /// How long what belongs to its sessions is kept.
    #[serde(default)]
    pub retention: RetentionRules,
    /// What is run, in this order; at least one, or none where the executor is `none`.
    pub steps: Vec<Step>,
}

/// What holds for sessions of a lab.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SessionRules {
    /// Repositories whose first push opens a session by itself; none when empty.
    pub enrol: Vec<EnrolPattern>,
    /// Commits that learners begin with: what is in their history is no attempt.
    #[serde(default)]
    pub template_commits: Vec<CommitSha>,
    /// The deadline, judged by when a delivery was received.
    pub closes_at: Option<Timestamp>,
    /// Which attempt a session's result is taken from.
    pub counts: Counts,
}

/// Which attempt a session's result is taken from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// The one with the most points.
    #[default]
    Best,
    /// The newest one.
    Latest,
}

/// What is verified, and against what.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct VerifyRules {
    /// Which commits of a push.
    pub commits: Commits,
    /// What runs the steps.
    #[serde(default, skip_serializing_if = "Executor::is_box")]
    pub executor: Executor,
    /// Whether a newer push of a branch takes the place of older ones that are not judged yet.
    #[serde(default)]
    pub supersede: bool,
    /// Files that are the lab's: laid over the learner's tree.
    pub protected: Vec<TreePattern>,
    /// Files that are the lab's and that only its judges see.
    #[serde(default)]
    pub hidden: Vec<TreePattern>,
    /// Tests that must be reported once, by whichever step reports tests.
    pub expected_tests: Vec<String>,
    /// Folders of tools that the verifier must have: each is `/tools/<name>` in the boxes, and its
    /// `bin` is where commands are looked for first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolName>,
}

/// Which commits of a push are verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Commits {
    /// The pushed head.
    #[default]
    Head,
    /// Every new one.
    All,
}

/// What runs a lab's steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Executor {
    /// A box for each step.
    #[default]
    Box,
    /// Nothing: there are no steps, nothing is fetched or kept, and every result is `unchecked`.
    /// For load tests of what is around the boxes; only where the settings allow it.
    None,
}

impl Executor {
    fn is_box(&self) -> bool {
        *self == Self::Box
    }
}

/// What each step may use. Every step has the whole of it to itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds from begin to end; 60 when the lab does not say.
    pub wall_seconds: u32,
    /// Seconds of processor time, all processes together; 30 when the lab does not say.
    pub cpu_seconds: u32,
    /// MiB of memory; 512 when the lab does not say.
    pub memory_mib: u32,
    /// Processes and threads at one time; 64 when the lab does not say.
    pub processes: u32,
    /// MiB of disk; 256 when the lab does not say.
    pub disk_mib: u32,
    /// KiB of standard output and standard error together; 1024 when the lab does not say.
    pub output_kib: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_seconds: WALL.default,
            cpu_seconds: CPU.default,
            memory_mib: MEMORY.default,
            processes: PROCESSES.default,
            disk_mib: DISK.default,
            output_kib: OUTPUT.default,
        }
    }
}

/// How long what belongs to a lab's sessions is kept, in days; as the house has it where the lab
/// does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RetentionRules {
    /// Raw webhook bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_bodies_days: Option<u32>,
    /// Logs of verifications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs_days: Option<u32>,
    /// Snapshots, after their last use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshots_days: Option<u32>,
}

/// One step of a lab's checks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Its name; no other step has it.
    pub name: String,
    /// Where its command runs.
    #[serde(default)]
    pub kind: StepKind,
    /// The command, as `sh -c` takes it, run at the root of the tree.
    pub run: String,
    /// What a judge sees of the learner's tree.
    #[serde(default)]
    pub reads: Vec<TreePattern>,
    /// How it reports its tests; by its exit code when the lab does not say.
    pub report: ReportForm,
    /// Points to be had; 1 when the lab does not say.
    pub points: u32,
    /// Tests that this very step must report once. Where several steps report tests, this says
    /// which step answers for which test.
    pub expected_tests: Vec<String>,
}

/// Where a step's command runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// In the learner's tree: the learner's code may run, and may say what the step says.
    #[default]
    Run,
    /// In a tree of the lab's own files, in a box that no code of the learner's enters: what the
    /// steps before it left is there to be read, and nothing more.
    Judge,
}

impl Step {
    /// How much can be made of what it says.
    pub const fn strength(&self) -> Strength {
        match self.kind {
            StepKind::Run => Strength::Shared,
            StepKind::Judge => Strength::Sealed,
        }
    }

    /// The words of its command, as far as they may name files.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let between = |c: char| c.is_whitespace() || ";&|()<>".contains(c);
        let words = self.run.split(between);
        words
            .map(|word| word.trim_matches(['"', '\'']))
            .map(|word| word.strip_prefix("./").unwrap_or(word))
    }

    /// Whether anything is earned by what it says: it brings points, or names tests.
    pub const fn is_claim(&self) -> bool {
        self.points > 0 || self.report.names_tests()
    }
}

impl LabSpec {
    /// How much can be made of a pass: it is sealed where a judge says it, and no step that runs
    /// learner's code says more than that it ended well.
    pub fn strength(&self) -> Strength {
        let has_judge = self.steps.iter().any(|step| step.kind == StepKind::Judge);
        let shared = |step: &Step| step.kind == StepKind::Run && step.is_claim();
        if has_judge && !self.steps.iter().any(shared) {
            Strength::Sealed
        } else {
            Strength::Shared
        }
    }

    /// Whose each place of a tree is, ready to be asked.
    pub fn places(&self) -> Places {
        Places::new(&self.verify)
    }

    /// Points to be had by all steps together.
    pub fn points_max(&self) -> u32 {
        self.steps.iter().map(|step| step.points).sum()
    }

    /// Every expected test, the lab's own list first.
    pub fn expected_tests(&self) -> impl Iterator<Item = &str> {
        let of_steps = self.steps.iter().flat_map(|step| &step.expected_tests);
        let all = self.verify.expected_tests.iter().chain(of_steps);
        all.map(String::as_str)
    }

    /// The lab's files that a step's command names and the lab version does not have: with
    /// one of them missing, nobody's commit could pass, and no learner is to blame.
    ///
    /// `has` says whether the lab version has a file at a path.
    pub fn missing_files(&self, has: impl Fn(&str) -> bool) -> Vec<(&Step, String)> {
        let places = self.places();
        let words = self.steps.iter();
        let words = words.flat_map(|step| step.words().map(move |word| (step, word)));
        words
            .filter(|(step, word)| {
                is_one_file(word) && places.of(word.as_bytes()).is_laid_for(step.kind)
            })
            .filter(|(_, word)| !has(word))
            .map(|(step, word)| (step, word.to_owned()))
            .collect()
    }
}

/// Whether a word of a command is surely the path of one file: what a shell would still expand,
/// and a folder (`tests/`), is left alone.
fn is_one_file(word: &str) -> bool {
    !word.is_empty()
        && !word.contains(['*', '?', '[', '{', '$', '`', '\\', '=', '~', ':', '"', '\''])
        && word
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains('.'))
}

/// Reads a `lab.toml`. `file_name` is what the mistake calls it.
///
/// # Errors
/// The first [`Mistake`], with its place, its reason and what to do about it.
pub fn parse(file_name: &str, text: &str) -> Result<LabSpec, Mistake> {
    check::read(text).map_err(|fault| fault.locate(file_name, text))
}

#[cfg(test)]
mod tests;
