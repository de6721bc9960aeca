//! Steps that judge, and what they make of a lab's results.

use contract::result::Strength;

use super::*;

fn with_judge(step: &str, rules: &str) -> String {
    format!(
        "[lab]\nslug = \"a\"\n[verify]\n{rules}\n\
         [[step]]\nname = \"program\"\nrun = \"sh tests/drive.sh\"\npoints = 0\n\
         [[step]]\nname = \"answers\"\n{step}\n"
    )
}

#[test]
fn a_step_that_judges_says_what_it_reads_and_its_word_is_sealed() {
    let step = "judge = \"sh judge/a.sh\"\nreads = [\"out/**\"]\nreport = \"tap\"\npoints = 5";
    let rules = "protected = [\"tests/**\"]\nhidden = [\"judge/**\"]";
    let spec = parse(FILE_NAME, &with_judge(step, rules)).unwrap();
    assert_eq!(spec.steps[1].kind, StepKind::Judge);
    assert_eq!(spec.steps[1].run, "sh judge/a.sh");
    assert_eq!(spec.steps[1].reads[0].as_str(), "out/**");
    assert_eq!(spec.strength(), Strength::Sealed);
    let json = serde_json::to_value(&spec).unwrap();
    assert_eq!(json["steps"][1]["kind"], "judge");
    assert_eq!(serde_json::from_value::<LabSpec>(json).unwrap(), spec);

    let missing = spec.missing_files(|path| path == "tests/drive.sh");
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(missing[0].1, "judge/a.sh");

    // One point that the learner's own box can give, and the whole is no longer sealed.
    let paying = with_judge(step, rules).replace("points = 0", "points = 1");
    assert_eq!(
        parse(FILE_NAME, &paying).unwrap().strength(),
        Strength::Shared
    );
    assert_eq!(parse(FILE_NAME, GOOD).unwrap().strength(), Strength::Shared);
}

#[test]
fn a_step_either_runs_or_judges() {
    for (step, reason) in [
        ("judge = \"true\"\nrun = \"true\"", "not both"),
        ("judge = \" \"", "judge is empty"),
        ("run = \"true\"\nreads = [\"out/**\"]", "reads is only for"),
        ("judge = \"true\"\nreads = [\"../x\"]", "leaves the tree"),
        ("points = 1", "has no command"),
    ] {
        let mistake = parse(FILE_NAME, &with_judge(step, "")).unwrap_err();
        assert!(mistake.reason.contains(reason), "{step}: {mistake}");
    }
}

#[test]
fn a_spec_that_was_kept_before_there_were_judges_still_reads() {
    let spec = parse(FILE_NAME, GOOD).unwrap();
    let mut json = serde_json::to_value(&spec).unwrap();
    for step in json["steps"].as_array_mut().unwrap() {
        let step = step.as_object_mut().unwrap();
        step.remove("kind");
        step.remove("reads");
    }
    json["verify"].as_object_mut().unwrap().remove("hidden");
    assert_eq!(serde_json::from_value::<LabSpec>(json).unwrap(), spec);
}
