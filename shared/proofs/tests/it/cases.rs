//! The cases: what is altered, one thing at a time, and what must be said of it. They are written
//! into the vectors, where the checker in Python reads them too.

use serde::Serialize;

use crate::log::{Keys, ORIGIN};

mod chain;
mod mirror;
mod proof;

/// Good, tampered, incomplete, untrusted.
pub(crate) const OK: u8 = 0;
pub(crate) const TAMPERED: u8 = 1;
pub(crate) const INCOMPLETE: u8 = 2;
pub(crate) const UNTRUSTED: u8 = 3;

/// One thing that is altered.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change {
    /// A bit of the byte at this place of the file, or from its end where that is negative.
    Flip(&'static str, i64),
    /// The first of these texts in the file becomes the second.
    Replace(&'static str, &'static str, &'static str),
    /// So many bytes are left at the file's beginning; or so many are taken off its end.
    Cut(&'static str, i64),
    /// Text at the file's end.
    Append(&'static str, &'static str),
    /// The file, or folder, is gone.
    Remove(&'static str),
    /// The first gets what the second has.
    Copy(&'static str, &'static str),
    /// Two files change places.
    Swap(&'static str, &'static str),
    /// Two ranges of the file, of this length and at these places, change places.
    SwapWithin(&'static str, usize, usize, usize),
}

/// What is checked.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Check {
    Mirror,
    Proof,
}

/// A case.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) check: Check,
    pub(crate) origin: String,
    pub(crate) key: String,
    /// The mirror's folder, or the proof, in the vectors.
    pub(crate) of: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) since: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entry: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) row: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<Change>,
    pub(crate) code: u8,
    /// Words that must be in what is said.
    pub(crate) says: &'static str,
}

impl Case {
    fn new(check: Check, of: &'static str, name: &'static str, keys: &Keys) -> Self {
        Self {
            name,
            check,
            origin: ORIGIN.to_owned(),
            key: keys.old.verifying().as_str().to_owned(),
            of,
            since: Vec::new(),
            entry: None,
            row: None,
            changes: Vec::new(),
            code: OK,
            says: "",
        }
    }

    fn with(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    fn since(mut self, kept: &'static str) -> Self {
        self.since.push(kept);
        self
    }

    fn key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    fn found(mut self, code: u8, says: &'static str) -> Self {
        (self.code, self.says) = (code, says);
        self
    }
}

/// All cases.
pub(crate) fn all(keys: &Keys) -> Vec<Case> {
    [mirror::cases(keys), chain::cases(keys), proof::cases(keys)].concat()
}

/// All cases, a line each.
pub(crate) fn to_text(keys: &Keys) -> String {
    let lines = all(keys).into_iter();
    let lines: Vec<String> = lines
        .map(|case| serde_json::to_string(&case).unwrap())
        .collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

#[test]
fn there_are_at_least_sixty_mutations_and_each_case_has_a_name_of_its_own() {
    let cases = all(&Keys::read());
    let mutations = cases.iter().filter(|case| case.code != OK).count();
    assert!(mutations >= 60, "{mutations}");
    let mut names: Vec<&str> = cases.iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len());
}
