//! Owns the answer to whose a place of a tree is: the learner's, the lab's, or its judges' alone.

use crate::pattern::Patterns;
use crate::spec::{StepKind, VerifyRules};

/// Whose a place is, whoever put a file there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The learner's.
    Learner,
    /// The lab's: its file is laid for every step.
    Protected,
    /// The lab's, for its judges alone: no step that runs learner's code finds it.
    Hidden,
}

impl Place {
    /// Whether the lab's file at such a place is laid for a step of this kind.
    pub const fn is_laid_for(self, kind: StepKind) -> bool {
        match (self, kind) {
            (Self::Learner, _) | (Self::Hidden, StepKind::Run) => false,
            (Self::Protected, _) | (Self::Hidden, StepKind::Judge) => true,
        }
    }
}

/// A lab's places, ready to be asked.
#[derive(Clone, Debug)]
pub struct Places {
    protected: Patterns,
    hidden: Patterns,
}

impl Places {
    /// Makes the lab's patterns ready.
    pub fn new(rules: &VerifyRules) -> Self {
        Self {
            protected: Patterns::new(&rules.protected),
            hidden: Patterns::new(&rules.hidden),
        }
    }

    /// Whose the place at this path is. What is hidden is so even where it is protected too.
    pub fn of(&self, path: &[u8]) -> Place {
        if self.hidden.covers(path) {
            Place::Hidden
        } else if self.protected.covers(path) {
            Place::Protected
        } else {
            Place::Learner
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_laid_for_judges_alone() {
        let pattern = |text: &str| vec![text.to_owned().try_into().unwrap()];
        let places = Places::new(&VerifyRules {
            protected: pattern("tests/**"),
            hidden: pattern("tests/judge/**"),
            ..VerifyRules::default()
        });
        for (path, place, for_run, for_judge) in [
            ("calc.sh", Place::Learner, false, false),
            ("tests/run.sh", Place::Protected, true, true),
            ("tests/judge/answers", Place::Hidden, false, true),
            ("TESTS/run.sh", Place::Learner, false, false),
        ] {
            let found = places.of(path.as_bytes());
            assert_eq!(found, place, "{path}");
            assert_eq!(found.is_laid_for(StepKind::Run), for_run, "{path}");
            assert_eq!(found.is_laid_for(StepKind::Judge), for_judge, "{path}");
        }
    }
}
