//! Every case is carried out on a copy of the vectors, and comes out as it says.

use std::future::{Future, ready};

use proofs::files::{Files as Source, FilesError, Folder};
use proofs::mirror;
use proofs::pinned::Pinned;
use proofs::proof::{self, Given};
use proofs::verdict::{Finding, Untrusted};
use proofs::watch::{Kept, MirrorError};

use crate::cases::{self, Case, Change, Check};
use crate::log::{Files, Keys};
use crate::vectors;

/// Alters the files as a case says.
pub(crate) fn alter(files: &mut Files, case: &Case) {
    for change in &case.changes {
        match *change {
            Change::Flip(path, place) => {
                let bytes = files.get_mut(path).unwrap();
                let at = place_of(bytes, place);
                bytes[at] ^= 1;
            }
            Change::Replace(path, was, is) => {
                let bytes = files.get_mut(path).unwrap();
                let mut found = bytes.windows(was.len());
                let at = found.position(|w| w == was.as_bytes());
                let at = at.unwrap_or_else(|| panic!("{}: no {was:?} in {path}", case.name));
                bytes.splice(at..at + was.len(), is.bytes());
            }
            Change::Cut(path, length) => {
                let bytes = files.get_mut(path).unwrap();
                bytes.truncate(place_of(bytes, length));
            }
            Change::Append(path, text) => files.get_mut(path).unwrap().extend(text.bytes()),
            Change::Remove(path) => {
                let before = files.len();
                files.retain(|name, _| name != path && !name.starts_with(&format!("{path}/")));
                assert!(files.len() < before, "{}: no {path}", case.name);
            }
            Change::Copy(to, from) => {
                let bytes = files[from].clone();
                assert_ne!(files.insert(to.to_owned(), bytes.clone()), Some(bytes));
            }
            Change::Swap(one, other) => {
                let (a, b) = (files[one].clone(), files[other].clone());
                files.extend([(one.to_owned(), b), (other.to_owned(), a)]);
            }
            Change::SwapWithin(path, length, one, other) => {
                let bytes = files.get_mut(path).unwrap();
                let (left, right) = bytes.split_at_mut(other);
                left[one..one + length].swap_with_slice(&mut right[..length]);
            }
        }
    }
}

fn place_of(bytes: &[u8], place: i64) -> usize {
    let length = i64::try_from(bytes.len()).unwrap();
    let at = if place < 0 { length + place } else { place };
    usize::try_from(at).unwrap()
}

fn pinned(case: &Case) -> Result<Pinned, Finding> {
    let key = case.key.parse();
    let key = key.map_err(|error: tlog::key::KeyError| Untrusted::Key(error.to_string()))?;
    Pinned::new(&case.origin, key)
}

fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files[path].clone()).unwrap()
}

/// A folder of the files, in memory.
struct Within<'a>(&'a Files, &'a str);

impl Source for Within<'_> {
    fn read(
        &self,
        path: &str,
        _: usize,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, FilesError>> + Send {
        ready(Ok(self.0.get(&format!("{}/{path}", self.1)).cloned()))
    }

    fn epochs(&self) -> impl Future<Output = Result<Vec<u64>, FilesError>> + Send {
        let names = self.0.keys().filter_map(|path| {
            let (epoch, _) = path
                .strip_prefix(self.1)?
                .strip_prefix('/')?
                .split_once('/')?;
            epoch.parse().ok()
        });
        let mut numbers: Vec<u64> = names.collect();
        numbers.dedup();
        ready(Ok(numbers))
    }
}

/// Checks as the case says: what was found good, or what was not.
fn check(files: &Files, case: &Case) -> Result<String, Finding> {
    let pinned = pinned(case)?;
    if case.check == Check::Proof {
        let row = case
            .row
            .map(|row| serde_json::from_str(&text(files, row)).unwrap());
        let entry = case.entry.map(|entry| files[entry].as_slice());
        let given = Given {
            proof: &text(files, case.of),
            entry,
            row: row.as_ref(),
        };
        return proof::check(given, &pinned)
            .map(|proven| format!("leaf {} {proven:?}", proven.index));
    }
    let kept = case.since.iter().map(|path| Kept {
        name: (*path).to_owned(),
        note: text(files, path),
    });
    let kept: Vec<Kept> = kept.collect();
    let mirror = Within(files, case.of);
    let checked = futures::executor::block_on(mirror::check(&mirror, &pinned, &kept, &mut ()));
    match checked {
        Ok(checked) => Ok(format!("{checked:?}")),
        Err(MirrorError::Found(finding)) => Err(finding),
        Err(other) => panic!("{}: {other:?}", case.name),
    }
}

#[test]
fn every_case_comes_out_as_it_says_and_names_the_first_bad_leaf() {
    let vectors = vectors::read(&vectors::folder());
    let mut wrong = Vec::new();
    for case in cases::all(&Keys::read()) {
        let mut files = vectors.clone();
        alter(&mut files, &case);
        let found = check(&files, &case);
        let (code, said) = match found {
            Ok(said) => (0, said),
            Err(finding) => (finding.exit_code(), finding.to_string()),
        };
        if code != case.code || !said.contains(case.says) {
            wrong.push(format!(
                "{}: {code} ({said}), and not {} ({})",
                case.name, case.code, case.says
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_mirror_is_read_from_a_folder() {
    let keys = Keys::read();
    let pinned = Pinned::new(crate::log::ORIGIN, keys.old.verifying()).unwrap();
    let mirror = Folder::new(&vectors::folder().join("mirror"));
    let checked = futures::executor::block_on(mirror::check(&mirror, &pinned, &[], &mut ()));
    let checked = checked.unwrap();
    assert_eq!(
        (checked.leaves(), checked.epochs.len(), checked.key_changes),
        (267, 2, 1)
    );
}

#[test]
fn a_file_is_read_no_further_than_it_makes_sense() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("large"), [7; 100]).unwrap();
    let mirror = Folder::new(folder.path());
    let read = |path: &str, most| futures::executor::block_on(mirror.read(path, most)).unwrap();
    assert_eq!(read("large", 10).unwrap().len(), 11);
    assert_eq!(read("large", 100).unwrap().len(), 100);
    assert_eq!(read("large/within", 10), None);
    assert_eq!(read("none", 10), None);
}
