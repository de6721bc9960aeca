//! Owns the repositories whose shape is the weapon: too deep, too wide, too large.

use anyhow::Result;

use crate::hostile::Expected::{Kept, Refused};
use crate::hostile::{Expected, Hostile, Make};
use crate::repository::{Change, Repository};

#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// So many folders in each other, a file in the last.
    Deep(usize),
    /// The same, with long names.
    LongNames(usize),
    /// So many names of one file.
    Wide(usize),
    /// So many levels of ten folders, all of them the same one, and a file in the last.
    Bomb(usize),
    /// The same without a file: nothing is ever listed.
    EmptyBomb(usize),
    /// A file that says it has so many bytes.
    Claims(u64),
    /// So many names of one file of this many zeros.
    Zeros(usize, usize),
}

const fn shape(name: &'static str, shape: Shape, expected: Expected) -> Hostile {
    Hostile {
        name,
        make: Make::Shape(shape),
        expected,
    }
}

const MIB: usize = 1024 * 1024;

pub(super) const CORPUS: &[Hostile] = &[
    shape("a tree as deep as may be", Shape::Deep(63), Kept(&[])),
    shape(
        "a deep tree",
        Shape::Deep(64),
        Refused("has 65 parts, more than 64"),
    ),
    shape(
        "a tree almost as deep as git reads",
        Shape::Deep(2_000),
        Refused("is a path of 4001 bytes, more than 1024"),
    ),
    shape(
        "a long path",
        Shape::LongNames(6),
        Refused("is a path of 1207 bytes, more than 1024"),
    ),
    shape(
        "many files",
        Shape::Wide(20_001),
        Refused("the tree has more than 20000 files"),
    ),
    shape(
        "ten billion files of eleven objects",
        Shape::Bomb(10),
        Refused("the tree has more than 20000"),
    ),
    shape(
        "ten billion folders of eleven objects",
        Shape::EmptyBomb(10),
        Refused("the tree has more than 20000 folders"),
    ),
    shape(
        "a file of 10 GB that is a few bytes",
        Shape::Claims(10 * 1024 * 1024 * 1024),
        Refused("large has more than 33554432 bytes, and the forge left it out"),
    ),
    shape(
        "many files of one large blob",
        Shape::Zeros(9, 31 * MIB),
        Refused("the tree's files have 292552704 bytes together, more than 268435456"),
    ),
];

impl Shape {
    /// Gives the root's tree.
    pub(super) async fn make(self, repository: &Repository) -> Result<String> {
        let blob = repository.object("blob", b"x\n").await?;
        match self {
            Self::Deep(levels) => nest(repository, levels, "d").await,
            Self::LongNames(levels) => nest(repository, levels, &"d".repeat(200)).await,
            Self::Wide(count) => wide(repository, &blob, count).await,
            Self::Bomb(levels) => {
                let leaf = repository.raw_tree(&[("100644", b"x", &blob)]).await?;
                bomb(repository, leaf, levels).await
            }
            Self::EmptyBomb(levels) => {
                let leaf = repository.raw_tree(&[]).await?;
                bomb(repository, leaf, levels).await
            }
            Self::Claims(bytes) => {
                let large = repository.plant_blob_of_size(bytes)?;
                repository.raw_tree(&[("100644", b"large", &large)]).await
            }
            Self::Zeros(count, bytes) => {
                let blob = repository.object("blob", &vec![0; bytes]).await?;
                wide(repository, &blob, count).await
            }
        }
    }
}

async fn nest(repository: &Repository, levels: usize, name: &str) -> Result<String> {
    let path = format!("{}x", format!("{name}/").repeat(levels));
    let change = [Change::File(path.as_bytes(), b"x\n")];
    repository.commit("nest", "nest", &change).await?;
    repository.tree("nest").await
}

async fn wide(repository: &Repository, blob: &str, count: usize) -> Result<String> {
    let names: Vec<String> = (0..count).map(|number| format!("{number:06}")).collect();
    let entries: Vec<_> = names
        .iter()
        .map(|name| ("100644", name.as_bytes(), blob))
        .collect();
    repository.raw_tree(&entries).await
}

async fn bomb(repository: &Repository, leaf: String, levels: usize) -> Result<String> {
    let mut tree = leaf;
    for _ in 0..levels {
        let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        let entries: Vec<_> = names
            .iter()
            .map(|name| ("40000", name.as_bytes(), tree.as_str()))
            .collect();
        tree = repository.raw_tree(&entries).await?;
    }
    Ok(tree)
}
