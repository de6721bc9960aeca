//! Owns `assay lab check`: a lab's folder read before it is published.

use std::path::Path;

use lab::caution::{Caution, cautions};
use lab::spec::{LabSpec, StepKind};
use process::exit;
use serde_json::json;
use verifier::local::{CannotVerify, spec};

use crate::say::say;

/// Checks the lab of a folder: 0 when it can work, 1 when it cannot.
pub(crate) fn check(folder: &Path, as_json: bool) -> anyhow::Result<u8> {
    let spec = match spec(folder) {
        Ok(spec) => spec,
        Err(CannotVerify::Lab(mistake)) => {
            if as_json {
                say!("{:#}", json!({ "mistakes": [mistake.to_string()] }));
            } else {
                eprintln!("{mistake}");
            }
            return Ok(exit::FAILED);
        }
        Err(problem) => return Err(problem.into()),
    };
    let missing = spec.missing_files(|path| folder.join(path).is_file());
    let mistakes: Vec<_> = missing
        .iter()
        .map(|(step, path)| format!("step {:?} needs {path}, which is not there", step.name))
        .collect();
    let cautions = cautions(&spec);
    if as_json {
        let told = json!({
            "mistakes": mistakes,
            "strength": spec.strength(),
            "cautions": cautions,
            "asks_for": spec,
        });
        say!("{told:#}");
    } else {
        show(&spec, &mistakes, &cautions);
    }
    Ok(if mistakes.is_empty() {
        exit::OK
    } else {
        exit::FAILED
    })
}

fn show(spec: &LabSpec, mistakes: &[String], cautions: &[Caution]) {
    say!("{}: {}", spec.slug, spec.title);
    for step in &spec.steps {
        let kind = match step.kind {
            StepKind::Run => "runs",
            StepKind::Judge => "judges",
        };
        say!(
            "  {}: {kind}, reports {}, {} points, {}",
            step.name,
            step.report,
            step.points,
            step.strength()
        );
    }
    say!(
        "results: {}, {} points, {} expected tests",
        spec.strength(),
        spec.points_max(),
        spec.expected_tests().count()
    );
    for mistake in mistakes {
        eprintln!("cannot work: {mistake}");
    }
    for Caution { step, what, advice } in cautions {
        let about = step.as_ref().map(|step| format!("{step}: "));
        say!("note: {}{what}; {advice}", about.unwrap_or_default());
    }
}
