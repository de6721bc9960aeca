//! Owns the repositories whose history or whose own folder is odd: missing objects, crowds of
//! parents, configurations of the server's.

use std::path::Path;

use anyhow::Result;

use crate::hostile::Expected::{Kept, Refused, Unavailable};
use crate::hostile::{Expected, Hostile, Make, PLAIN};
use crate::repository::Repository;

#[derive(Clone, Copy, Debug)]
pub(super) enum History {
    /// A message of so many bytes.
    Message(usize),
    /// A message with a NUL.
    Nul,
    /// The commit's tree is nowhere.
    MissingTree,
    /// The commit's parent is nowhere.
    MissingParent,
    /// So many parents.
    Parents(u32),
    /// A blob that does not unpack.
    CorruptBlob,
    /// The commit is a tree.
    TreeAsCommit,
    /// Refs whose names are options and paths that leave, and tags of tags of a tree.
    OddRefs,
    /// Grafts, replaced objects, alternates, a promisor and hooks in the server's own folder.
    OwnFolder,
}

const fn history(name: &'static str, history: History, expected: Expected) -> Hostile {
    Hostile {
        name,
        make: Make::History(history),
        expected,
    }
}

pub(super) const CORPUS: &[Hostile] = &[
    history(
        "a message of 4 MiB",
        History::Message(4 << 20),
        Kept(&["a.txt"]),
    ),
    history(
        "a message with a NUL",
        History::Nul,
        Refused("malformed objects: nulInCommit"),
    ),
    history(
        "a commit without its tree",
        History::MissingTree,
        Unavailable(""),
    ),
    history(
        "a commit without its parent",
        History::MissingParent,
        Unavailable(""),
    ),
    history("1,200 parents", History::Parents(1_200), Kept(&["a.txt"])),
    history(
        "a blob that does not unpack",
        History::CorruptBlob,
        Unavailable(""),
    ),
    history(
        "a tree that is called a commit",
        History::TreeAsCommit,
        Unavailable(""),
    ),
    history("refs with odd names", History::OddRefs, Kept(&["a.txt"])),
    history(
        "grafts, replaced objects, alternates, a promisor, hooks",
        History::OwnFolder,
        Kept(&["a.txt"]),
    ),
];

impl History {
    /// Gives the commit that is pushed.
    pub(super) async fn make(self, repository: &Repository, canary: &Path) -> Result<String> {
        let plain = repository.commit("plain", "plain", PLAIN).await?;
        let blob = repository.object("blob", b"a\n").await?;
        let tree = repository.raw_tree(&[("100644", b"a.txt", &blob)]).await?;
        let nowhere = "d0".repeat(20);
        match self {
            Self::Message(bytes) => repository.raw_commit(&tree, &[], &vec![b'm'; bytes]).await,
            Self::Nul => repository.raw_commit(&tree, &[], b"a\0b\n").await,
            Self::MissingTree => repository.raw_commit(&nowhere, &[], b"m\n").await,
            Self::MissingParent => repository.raw_commit(&tree, &[nowhere], b"m\n").await,
            Self::Parents(count) => {
                repository.grow("many", count).await?;
                let parents = repository.newest("many", count).await?;
                repository.raw_commit(&tree, &parents, b"m\n").await
            }
            Self::CorruptBlob => {
                let blob = repository.object("blob", b"to be broken\n").await?;
                let path = format!("objects/{}/{}", &blob[..2], &blob[2..]);
                std::fs::remove_file(repository.folder().join(&path))?;
                repository.plant(&path, b"\x78\x01 no stream")?;
                let tree = repository.raw_tree(&[("100644", b"a", &blob)]).await?;
                repository.raw_commit(&tree, &[], b"m\n").await
            }
            Self::TreeAsCommit => Ok(tree),
            Self::OddRefs => {
                for name in [
                    "--upload-pack=touch",
                    "-oProxyCommand=x",
                    "..",
                    "a b",
                    "\u{1b}[2J",
                ] {
                    repository.point(&format!("refs/heads/x/{name}.x"), &plain)?;
                }
                let tag = |of: &str, kind: &str| {
                    format!("object {of}\ntype {kind}\ntag t\ntagger a <a@b> 0 +0000\n\nm\n")
                };
                let inner = repository
                    .object("tag", tag(&tree, "tree").as_bytes())
                    .await?;
                let outer = repository
                    .object("tag", tag(&inner, "tag").as_bytes())
                    .await?;
                repository.point("refs/tags/tree", &outer)?;
                Ok(plain)
            }
            Self::OwnFolder => {
                let other = repository.raw_commit(&tree, &[], b"other\n").await?;
                own_folder(repository, canary, &plain, &other)?;
                Ok(plain)
            }
        }
    }
}

/// Nothing of this is sent; whoever served or fetched by it would run it.
fn own_folder(repository: &Repository, canary: &Path, plain: &str, other: &str) -> Result<()> {
    let canary = canary.display();
    repository.plant("info/grafts", format!("{plain} {other}\n").as_bytes())?;
    repository.point(&format!("refs/replace/{plain}"), other)?;
    repository.plant("objects/info/alternates", b"/nowhere/at/all\n")?;
    for hook in ["post-checkout", "reference-transaction", "pre-auto-gc"] {
        let script = format!("#!/bin/sh\ntouch {canary}\n");
        repository.plant(&format!("hooks/{hook}"), script.as_bytes())?;
    }
    let own = std::fs::read_to_string(repository.folder().join("config"))?;
    let more = format!(
        "{own}[uploadpack]\n\tpackObjectsHook = touch {canary}\n[core]\n\tfsmonitor = touch \
         {canary}\n[remote \"origin\"]\n\turl = ext::touch {canary}\n\tpromisor = true\n"
    );
    repository.plant("config", more.as_bytes())
}
