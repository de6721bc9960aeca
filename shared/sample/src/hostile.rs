//! Owns the corpus of hostile repositories: what each is, and what must become of it.

use std::path::Path;

use anyhow::Result;

use crate::repository::{Change, Repository};

mod history;
mod names;
mod shapes;
mod tricks;

/// What stands in a planted file for the path that a program would touch, if it ever ran.
pub const CANARY: &str = "CANARY";

/// A hostile repository.
#[derive(Clone, Copy, Debug)]
pub struct Hostile {
    /// What it tries.
    pub name: &'static str,
    /// How it is made.
    make: Make,
    /// What must become of it.
    pub expected: Expected,
}

/// What must become of a hostile repository.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// The tree is refused, with these words in its reason.
    Refused(&'static str),
    /// The forge does not give it, with these words in the reason.
    Unavailable(&'static str),
    /// Either of the two: git's own server may choke on it first.
    NotKept,
    /// It is kept as it is, with these paths among others, escaped.
    Kept(&'static [&'static str]),
}

/// An entry of a tree as it is written: mode, name, content.
type Planted = (&'static str, &'static [u8], What);

#[derive(Clone, Copy, Debug)]
enum What {
    Blob(&'static [u8]),
    Tree(&'static [Planted]),
    /// A commit of another repository.
    Commit,
}

#[derive(Clone, Copy, Debug)]
enum Make {
    /// These are the entries of the root.
    Tree(&'static [Planted]),
    Shape(shapes::Shape),
    History(history::History),
}

/// Those whose names lie.
pub fn names() -> &'static [Hostile] {
    names::CORPUS
}

/// Those whose content would have somebody do something.
pub fn tricks() -> &'static [Hostile] {
    tricks::CORPUS
}

/// Those that are too deep, too wide or too large.
pub fn shapes() -> &'static [Hostile] {
    shapes::CORPUS
}

/// Those with an odd history, or an odd folder of their own.
pub fn histories() -> &'static [Hostile] {
    history::CORPUS
}

impl Hostile {
    /// Makes it in an empty repository; `canary` is what must never be touched. Gives the commit
    /// that is pushed.
    ///
    /// # Errors
    /// What git says.
    pub async fn make(&self, repository: &Repository, canary: &Path) -> Result<String> {
        let commit = match self.make {
            Make::Tree(entries) => {
                let tree = tree(repository, entries, canary).await?;
                repository.raw_commit(&tree, &[], b"hostile\n").await?
            }
            Make::Shape(shape) => {
                let tree = shape.make(repository).await?;
                repository.raw_commit(&tree, &[], b"hostile\n").await?
            }
            Make::History(history) => history.make(repository, canary).await?,
        };
        repository.point("refs/heads/main", &commit)?;
        Ok(commit)
    }
}

/// Writes a tree with all that is below it.
async fn tree(
    repository: &Repository,
    entries: &'static [Planted],
    canary: &Path,
) -> Result<String> {
    let mut ids = Vec::with_capacity(entries.len());
    for (_, _, what) in entries {
        ids.push(match what {
            What::Blob(bytes) => repository.object("blob", &filled(bytes, canary)).await?,
            What::Tree(below) => Box::pin(tree(repository, below, canary)).await?,
            What::Commit => "c0".repeat(20),
        });
    }
    let entries: Vec<_> = entries
        .iter()
        .zip(&ids)
        .map(|((mode, name, _), id)| (*mode, *name, id.as_str()))
        .collect();
    repository.raw_tree(&entries).await
}

fn filled(bytes: &[u8], canary: &Path) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text
            .replace(CANARY, &canary.display().to_string())
            .into_bytes(),
        Err(_) => bytes.to_vec(),
    }
}

/// A file that is none of anybody's harm.
const PLAIN: &[Change<'static>] = &[Change::File(b"a.txt", b"a\n")];
