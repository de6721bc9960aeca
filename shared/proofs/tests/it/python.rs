//! The checker in Python says the same of every case, by its exit code and by its words.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cases;
use crate::log::Keys;
use crate::vectors;

fn checker() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/check")
}

#[test]
fn the_checker_in_python_says_the_same_of_every_case() {
    let mut command = Command::new("python3");
    command.arg(checker().join("vectors.py"));
    command
        .arg(vectors::folder())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().expect("python3 is installed");
    let said = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}\n{error}")))
        .collect();
    let cases = cases::all(&Keys::read());
    assert_eq!(lines.len(), cases.len(), "{error}");
    let mut wrong = Vec::new();
    for (case, line) in cases.iter().zip(&lines) {
        let said = line["says"].as_str().unwrap();
        assert_eq!(line["name"], case.name);
        if line["code"] != case.code || !said.contains(case.says) {
            wrong.push(format!("{line}, and not {} ({})", case.code, case.says));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
