//! Owns the names of groups: each tells which process made it, so that only a dead one's are ever
//! removed by another.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;

const PREFIX: &str = "assay-box";

/// The name of this process's group of this number: `assay-box-<pid namespace>-<pid>-<start>-<n>`.
pub(super) fn own(count: u64) -> io::Result<String> {
    let id = std::process::id();
    let begun = begun(id).ok_or_else(|| io::Error::other("no begin of this process"))?;
    Ok(format!("{PREFIX}-{}-{id}-{begun}-{count}", namespace()?))
}

/// Whether the name is of a process of our own namespace that is dead. Of others nothing is known.
pub(super) fn is_of_the_dead(name: &str) -> bool {
    let Some(maker) = maker(name) else {
        return false;
    };
    namespace().is_ok_and(|own| own == maker.namespace) && begun(maker.id) != Some(maker.begun)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Maker {
    namespace: u64,
    id: u32,
    begun: u64,
}

fn maker(name: &str) -> Option<Maker> {
    let mut parts = name.strip_prefix(PREFIX)?.strip_prefix('-')?.split('-');
    let maker = Maker {
        namespace: parts.next()?.parse().ok()?,
        id: parts.next()?.parse().ok()?,
        begun: parts.next()?.parse().ok()?,
    };
    let _count: u64 = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some(maker)
}

fn namespace() -> io::Result<u64> {
    Ok(fs::metadata("/proc/self/ns/pid")?.ino())
}

/// When the process began, in ticks since the machine did: field 22 of proc(5)'s `stat`.
fn begun(id: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let after_name = &stat[stat.rfind(')')? + 1..];
    after_name.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_of_the_dead_of_our_own_namespace_are_known_as_such() {
        let own_name = own(7).unwrap();
        let own = maker(&own_name).unwrap();
        assert_eq!(own.id, std::process::id());
        let named = |maker: Maker| {
            let Maker {
                namespace,
                id,
                begun,
            } = maker;
            format!("{PREFIX}-{namespace}-{id}-{begun}-0")
        };
        let begun = own.begun - 1;
        let namespace = own.namespace + 1;
        for (name, dead) in [
            (own_name, false),
            (named(own), false),
            (named(Maker { begun, ..own }), true),
            (
                named(Maker {
                    namespace,
                    begun,
                    ..own
                }),
                false,
            ),
            (format!("{}-1", named(Maker { begun, ..own })), false),
            ("assay-box-1-2-3".into(), false),
            ("user.slice".into(), false),
        ] {
            assert_eq!(is_of_the_dead(&name), dead, "{name}");
        }
    }
}
