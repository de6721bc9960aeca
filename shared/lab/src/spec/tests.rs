use super::*;

mod judging;
mod mistakes;

const GOOD: &str = include_str!("../../tests/lab.toml");

fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replacen(from, to, 1)
}

#[test]
fn a_full_lab_reads_as_written_and_back_from_its_json() {
    let spec = parse(FILE_NAME, GOOD).unwrap();
    assert_eq!(spec.slug.as_str(), "intro-to-git");
    assert_eq!(spec.title, "Intro to git");
    assert_eq!(spec.session.counts, Counts::Latest);
    assert_eq!(spec.session.enrol[0].as_str(), "github:course/intro-*");
    let closes_at = contract::time::to_text(spec.session.closes_at.unwrap());
    assert_eq!(closes_at, "2026-12-18T22:59:00.000000Z");
    assert_eq!(spec.verify.commits, Commits::All);
    assert_eq!(
        spec.expected_tests().collect::<Vec<_>>(),
        ["adds", "subtracts"]
    );
    assert_eq!(spec.limits.wall_seconds, 20);
    assert_eq!(spec.limits.memory_mib, 512);
    assert_eq!(spec.steps[0].report.to_string(), "junit:report.xml");
    assert_eq!(spec.steps[1].report, ReportForm::ExitCode);
    assert_eq!(spec.points_max(), 11);

    let json = serde_json::to_value(&spec).unwrap();
    assert_eq!(json["session"]["counts"], "latest");
    assert_eq!(serde_json::from_value::<LabSpec>(json).unwrap(), spec);
}

#[test]
fn a_lab_that_says_little_gets_the_defaults() {
    let text = "[lab]\nslug = \"a\"\n[[step]]\nname = \"s\"\nrun = \"true\"\n";
    let spec = parse(FILE_NAME, text).unwrap();
    assert_eq!(spec.title, "a");
    assert_eq!(spec.limits, Limits::default());
    assert_eq!(spec.session, SessionRules::default());
    assert_eq!(spec.verify, VerifyRules::default());
    assert_eq!(spec.steps[0].points, 1);
    assert_eq!(spec.steps[0].report, ReportForm::ExitCode);
}

#[test]
fn a_lab_without_steps_is_refused() {
    let steps_at = GOOD.find("[[step]]").unwrap();
    let mistake = parse("lab.toml", &GOOD[..steps_at]).unwrap_err();
    assert_eq!(mistake.reason, "there is no [[step]]");
    let text = "step = []\n[lab]\nslug = \"a\"\n";
    assert!(
        parse("lab.toml", text)
            .unwrap_err()
            .advice
            .contains("[[step]]")
    );
}

#[test]
fn the_column_points_at_the_value() {
    let mistake = parse("lab.toml", &with("wall_seconds = 20", "wall_seconds = 0")).unwrap_err();
    assert_eq!((mistake.line, mistake.column), (16, 16));
}

#[test]
fn a_protected_script_that_the_lab_lacks_is_found_before_anybody_runs_it() {
    let spec = |run: &str| {
        let text = with("sh tests/run.sh", run);
        parse("lab.toml", &text).unwrap()
    };
    let lacking = |run: &str, files: &[&str]| -> Vec<String> {
        let spec = spec(run);
        let missing = spec.missing_files(|path| files.contains(&path));
        missing.into_iter().map(|(_, path)| path).collect()
    };
    assert_eq!(lacking("sh tests/run.sh", &[]), ["tests/run.sh"]);
    assert_eq!(lacking("./tests/run.sh; true", &[]), ["tests/run.sh"]);
    assert!(lacking("sh tests/run.sh", &["tests/run.sh"]).is_empty());
    for unclear in [
        "ls tests/",
        "pytest tests",
        "sh $D/run.sh",
        "sh tests/*.sh",
        "sh src/a.sh",
    ] {
        assert!(lacking(unclear, &[]).is_empty(), "{unclear}");
    }
}

#[test]
fn a_lab_that_has_nothing_run_has_no_steps_and_warns_of_itself() {
    let text = "[lab]\nslug = \"a\"\n[verify]\nexecutor = \"none\"\n";
    let spec = parse(FILE_NAME, text).unwrap();
    assert_eq!(
        (spec.verify.executor, spec.points_max()),
        (Executor::None, 0)
    );
    let json = serde_json::to_value(&spec).unwrap();
    assert_eq!(json["verify"]["executor"], "none");
    assert_eq!(serde_json::from_value::<LabSpec>(json).unwrap(), spec);
    let told = crate::caution::cautions(&spec);
    assert!(
        told[0].what.contains("nothing that is pushed is checked"),
        "{told:?}"
    );

    let step = "[[step]]\nname = \"s\"\nrun = \"true\"\n";
    let mistake = parse(FILE_NAME, &format!("{text}{step}")).unwrap_err();
    assert_eq!(mistake.line, 5, "{mistake}");
    let boxed = parse(FILE_NAME, &format!("[lab]\nslug = \"a\"\n{step}")).unwrap();
    assert_eq!(boxed.verify.executor, Executor::Box);
    // Versions that were published before there was a choice stay what they are, digest and all.
    let json = serde_json::to_value(&boxed).unwrap();
    assert!(json["verify"].get("executor").is_none(), "{json}");
}
