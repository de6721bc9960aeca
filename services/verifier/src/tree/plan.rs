//! Owns what is laid and what is left out. No IO.

use lab::place::{Place, Places};
use lab::spec::StepKind;
use objects::manifest::{Blob, BlobKind, Content, Entry, Manifest};
use objects::path::TreePath;

/// Something to be laid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Item {
    pub(super) path: TreePath,
    pub(super) kind: Kind,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Blob(Blob),
    /// An empty folder, as git leaves one for another repository's commit.
    Folder,
}

/// What is laid of a learner's tree.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) items: Vec<Item>,
    /// What is not, and why.
    pub(super) left_out: Vec<String>,
}

/// The learner's part: everything but what the lab's patterns cover, whether or not the lab has a
/// file there.
pub(super) fn learners(manifest: &Manifest, places: &Places) -> Plan {
    let mut plan = Plan::default();
    for Entry { path, content } in manifest.entries() {
        if places.of(path.as_bytes()) != Place::Learner {
            plan.left_out
                .push(format!("{path}: the lab's own is used, if it has one"));
            continue;
        }
        let (path, kind) = (path.clone(), of_content(content));
        plan.items.push(Item { path, kind });
    }
    plan
}

/// The lab's part: what its patterns cover, as far as a step of this kind sees it.
pub(super) fn labs(manifest: &Manifest, places: &Places, kind: StepKind) -> Vec<Item> {
    let covered = manifest.entries().iter();
    let covered = covered.filter(|entry| places.of(entry.path.as_bytes()).is_laid_for(kind));
    covered
        .map(|Entry { path, content }| Item {
            path: path.clone(),
            kind: of_content(content),
        })
        .collect()
}

fn of_content(content: &Content) -> Kind {
    match content {
        Content::Blob(blob) => Kind::Blob(*blob),
        Content::Gitlink(_) => Kind::Folder,
    }
}

pub(super) fn is_link(blob: &Blob) -> bool {
    blob.kind == BlobKind::Symlink
}

/// Whether a link at `path` leads to a place within the tree, read as text: `..` is taken back
/// from the folders before it, and an absolute target is outside.
pub(super) fn stays_inside(path: &TreePath, target: &[u8]) -> bool {
    if target.is_empty() || target.starts_with(b"/") || target.contains(&0) {
        return false;
    }
    let mut depth = path.depth() - 1;
    for part in target.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if depth == 0 => return false,
            b".." => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use contract::digest::Digest;
    use lab::spec::VerifyRules;

    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::new(text).unwrap()
    }

    fn manifest(paths: &[&str]) -> Manifest {
        let entry = |text: &&str| Entry {
            path: path(text),
            content: Content::Blob(Blob {
                kind: BlobKind::Regular,
                bytes: 0,
                digest: Digest::of(b""),
            }),
        };
        Manifest::new(paths.iter().map(entry).collect()).unwrap()
    }

    fn paths(items: &[Item]) -> Vec<String> {
        items.iter().map(|item| item.path.to_string()).collect()
    }

    #[test]
    fn what_is_protected_comes_from_the_lab_alone() {
        let patterns = |text: &str| vec![text.to_owned().try_into().unwrap()];
        let places = Places::new(&VerifyRules {
            protected: patterns("tests/**"),
            hidden: patterns("judge/**"),
            ..VerifyRules::default()
        });
        let learner = manifest(&["calc.sh", "judge/a", "tests/extra.sh", "tests/run.sh"]);
        let lab = manifest(&["calc.sh", "judge/a", "lab.toml", "tests/run.sh"]);
        let plan = learners(&learner, &places);
        assert_eq!(paths(&plan.items), ["calc.sh"]);
        assert_eq!(plan.left_out.len(), 3);
        let seen_by = |kind| paths(&labs(&lab, &places, kind));
        assert_eq!(seen_by(StepKind::Run), ["tests/run.sh"]);
        assert_eq!(seen_by(StepKind::Judge), ["judge/a", "tests/run.sh"]);
    }

    #[test]
    fn a_link_may_lead_anywhere_within_the_tree() {
        for (at, target, inside) in [
            ("a", "b", true),
            ("a", "./b//c", true),
            ("d/a", "../b", true),
            ("d/a", "../../b", false),
            ("a", "..", false),
            ("a", "b/../..", false),
            ("d/a", "e/../../f", true),
            ("a", "/etc/passwd", false),
            ("a", "", false),
            ("a", "b\0c", false),
        ] {
            assert_eq!(
                stays_inside(&path(at), target.as_bytes()),
                inside,
                "{at} -> {target}"
            );
        }
    }
}
