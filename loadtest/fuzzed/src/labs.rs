//! Owns what must hold for any `lab.toml`: it is read or refused with its place, and what was read
//! is the same after it was kept.

use lab::spec::{FILE_NAME, LabSpec, parse};

/// Any bytes as a `lab.toml`.
pub(crate) fn lab_toml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match parse(FILE_NAME, text) {
        Ok(spec) => {
            let kept = serde_json::to_value(&spec).expect("a spec is kept as JSON");
            let read: LabSpec = serde_json::from_value(kept).expect("what is kept can be read");
            assert_eq!(spec, read, "a lab is the same after it was kept");
            assert!(
                !spec.steps.is_empty(),
                "a lab without a step checks nothing"
            );
        }
        Err(mistake) => {
            let said = mistake.to_string();
            assert!(
                said.starts_with(FILE_NAME),
                "a mistake has its place: {said}"
            );
        }
    }
}
