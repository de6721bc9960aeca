//! Owns what an author should know of a lab that reads: where its results can be forged, and where
//! a learner who ends early is not noticed. No mistakes: the lab does what it says.

use serde::Serialize;

use crate::place::Place;
use crate::spec::{Executor, LabSpec, Step, StepKind};

/// Where a judge finds what is the learner's.
const LEARNERS: &str = "/learner/";

/// Something to know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Caution {
    /// The step that it is about, where it is about one.
    pub step: Option<String>,
    /// What is so.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

/// What an author should know of a lab.
pub fn cautions(spec: &LabSpec) -> Vec<Caution> {
    let mut found = Vec::new();
    let runs = |step: &&Step| step.kind == StepKind::Run;
    if spec.verify.executor == Executor::None {
        found.push(Caution {
            step: None,
            what: "its executor is \"none\": nothing that is pushed is checked".into(),
            advice: "leave the executor out, but for a load test".into(),
        });
    }
    if spec.verify.protected.is_empty() && spec.steps.iter().any(|step| runs(&step)) {
        found.push(Caution {
            step: None,
            what: "nothing is protected: learners can replace the files that check them".into(),
            advice: "name them: protected = [\"tests/**\"]".into(),
        });
    }
    for step in &spec.steps {
        let of_step = about(spec, step);
        found.extend(of_step.into_iter().map(|(what, advice)| Caution {
            step: Some(step.name.clone()),
            what: what.into(),
            advice: advice.into(),
        }));
    }
    found
}

fn about(spec: &LabSpec, step: &Step) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    if step.kind == StepKind::Run && step.is_claim() {
        found.push((
            "its points and tests come from a box in which the learner's code runs too, and can be \
             forged there",
            "let it only run the program (points = 0, no report), and judge what that leaves in a \
             step of its own (judge, reads)",
        ));
    }
    let listed = !spec.verify.expected_tests.is_empty() || !step.expected_tests.is_empty();
    if step.report.names_tests() && !listed {
        found.push((
            "it reports tests, and the lab does not say which: one that is left out is not missed",
            "name them: expected_tests = [\"…\"]",
        ));
    }
    let places = spec.places();
    let hidden = |word: &str| places.of(word.as_bytes()) == Place::Hidden;
    if step.kind == StepKind::Run && step.words().any(hidden) {
        found.push((
            "it names a hidden file, which no step that runs learner's code sees",
            "make it a step that judges, or protect the file instead",
        ));
    }
    if step.kind == StepKind::Judge && step.words().any(|word| word.starts_with(LEARNERS)) {
        found.push((
            "it names a file of the learner's: run as a program, it could say anything",
            "read it as data, in a script of the lab's own",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::parse;

    fn told(rules: &str, steps: &str) -> Vec<String> {
        let text = format!("[lab]\nslug = \"a\"\n[verify]\n{rules}\n{steps}");
        let found = cautions(&parse("lab.toml", &text).unwrap());
        found.into_iter().map(|caution| caution.what).collect()
    }

    #[test]
    fn an_author_is_told_where_results_can_be_forged() {
        let sealed = "[[step]]\nname = \"a\"\nrun = \"sh tests/a\"\npoints = 0\n\
            [[step]]\nname = \"b\"\njudge = \"sh judge/b\"\n";
        let rules = "protected = [\"tests/**\"]\nhidden = [\"judge/**\"]";
        assert_eq!(told(rules, sealed), [""; 0]);
        for (rules, from, to, what) in [
            ("", "a", "a", "nothing is protected"),
            (rules, "points = 0", "points = 1", "can be forged there"),
            (
                rules,
                "points = 0",
                "points = 0\nreport = \"tap\"",
                "can be forged there",
            ),
            (
                rules,
                "sh judge/b\"",
                "sh judge/b\"\nreport = \"tap\"",
                "is not missed",
            ),
            (rules, "sh tests/a", "sh judge/b", "hidden file"),
            (
                rules,
                "sh judge/b",
                "sh /learner/files/b",
                "could say anything",
            ),
        ] {
            let found = told(rules, &sealed.replace(from, to));
            assert!(
                found.iter().any(|told| told.contains(what)),
                "{to}: {found:?}"
            );
        }
    }
}
