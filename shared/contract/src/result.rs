//! Owns the words of a result: verdicts, causes, tests, steps.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::message::UnknownWord;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in messages and columns.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
                    .ok_or_else(|| UnknownWord(text.to_owned()))
            }
        }
    };
}

words!(
    /// How a verification came out.
    Verdict {
        /// Every expected test passed.
        Pass = "pass",
        /// The learner's code was judged and did not do what was asked.
        Fail = "fail",
        /// It could not be judged, for a reason that is not the learner's.
        Error = "error",
        /// A newer push took its place before it was judged.
        Superseded = "superseded",
        /// Its lab's executor is `none`: nothing was run, and nothing is said of the code.
        Unchecked = "unchecked",
    }
);

words!(
    /// The newest result of an attempt, as one asks for it.
    NewestResult {
        /// It passed.
        Pass = "pass",
        /// It failed.
        Fail = "fail",
        /// It could not be judged.
        Error = "error",
        /// Its lab has nothing run.
        Unchecked = "unchecked",
        /// It has no result: it waits for one, or nobody ever asked.
        None = "none",
    }
);

words!(
    /// Why a verification could not be judged. Never the learner's fault.
    ErrorCause {
        /// The commit could not be fetched: no such commit, no such repository, or no answer.
        SourceUnavailable = "source-unavailable",
        /// The tree is beyond what a snapshot may hold.
        TreeRefused = "tree-refused",
        /// The snapshot's objects are not where they were put.
        SnapshotUnavailable = "snapshot-unavailable",
        /// The tree was removed: its person was erased, or a rule of retention says so.
        Removed = "removed",
        /// The sandbox could not be set up.
        SandboxUnavailable = "sandbox-unavailable",
        /// The machine had no memory left, though the run took no more than it may.
        HostMemory = "host-memory",
        /// The lab's own checks cannot work: a step does not exist, or its report never appears.
        LabBroken = "lab-broken",
        /// The worker lost its lease, or died, while it ran.
        WorkerLost = "worker-lost",
    }
);

impl ErrorCause {
    /// Whether another try may come out differently without anybody changing anything.
    pub const fn can_heal(self) -> bool {
        match self {
            Self::SourceUnavailable
            | Self::SnapshotUnavailable
            | Self::SandboxUnavailable
            | Self::HostMemory
            | Self::WorkerLost => true,
            Self::TreeRefused | Self::Removed | Self::LabBroken => false,
        }
    }
}

words!(
    /// How one test came out.
    TestOutcome {
        /// It ran and held.
        Passed = "passed",
        /// It ran and did not hold, or it was expected and never reported.
        Failed = "failed",
        /// It says of itself that it did not run: no pass.
        Skipped = "skipped",
    }
);

words!(
    /// How much can be made of what a step says.
    Strength {
        /// It was said by a box that no code of the learner's entered: it cannot be forged there.
        Sealed = "sealed",
        /// It was said by a box in which the learner's code runs too, and may say anything.
        Shared = "shared",
    }
);

/// One test of a step's report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TestResult {
    /// The test's name, as `expected_tests` names it.
    pub name: String,
    /// How it came out.
    pub outcome: TestOutcome,
    /// Milliseconds, where the report says.
    pub duration_ms: Option<u64>,
    /// What the report says of it, made harmless and capped.
    pub message: Option<String>,
}

/// One step of a lab's checks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StepResult {
    /// The step's name in `lab.toml`.
    pub name: String,
    /// How much can be made of what it says; unknown in older results.
    #[serde(default)]
    pub strength: Option<Strength>,
    /// Whether the step did all that was asked.
    pub passed: bool,
    /// The exit code; `None` when a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// The limit that stopped it: `wall`, `cpu`, `output` and so on.
    pub limit: Option<String>,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// Points earned and points to be had.
    pub points: u32,
    /// Points to be had.
    pub points_max: u32,
    /// Why it did not pass, in one line.
    pub reason: Option<String>,
    /// The tests of its report.
    pub tests: Vec<TestResult>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for verdict in Verdict::ALL {
            assert_eq!(verdict.as_str().parse(), Ok(*verdict));
        }
        for cause in ErrorCause::ALL {
            assert_eq!(cause.as_str().parse(), Ok(*cause));
            let json = serde_json::to_string(cause).unwrap();
            assert_eq!(json, format!("{:?}", cause.as_str()));
        }
        assert!("Pass".parse::<Verdict>().is_err());
    }
}
