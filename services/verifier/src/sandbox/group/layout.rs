//! Owns where the control groups of boxes lie: read from what the kernel says of its mounts and of
//! this process. No IO.

use std::path::{Path, PathBuf};

/// Which of the two interfaces the machine has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Version {
    /// A hierarchy for each controller.
    One,
    /// One hierarchy for all.
    Two,
}

/// The folder of one group for each controller; with version two they are the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    pub(super) version: Version,
    pub(super) memory: PathBuf,
    pub(super) pids: PathBuf,
    pub(super) cpu: PathBuf,
    pub(super) cpuacct: PathBuf,
}

/// The controllers, with the limit that each enforces and measures.
pub(super) const CONTROLLERS: [(&str, &str); 4] = [
    ("memory", "memory"),
    ("pids", "processes"),
    ("cpu", "cpu"),
    ("cpuacct", "cpu"),
];

/// The group within its own that a verifier steps aside into, so that its own can have boxes'.
pub(super) const ASIDE: &str = "assay-verifier";

impl Layout {
    /// The group of this process, or the one around it where it stepped aside, or the
    /// `configured` one, counted from the hierarchies' roots.
    /// `mounts` and `groups` are `/proc/self/mountinfo` and `/proc/self/cgroup`.
    ///
    /// # Errors
    /// The controllers that are nowhere, by their limits.
    pub(super) fn find(
        mounts: &str,
        groups: &str,
        configured: Option<&Path>,
    ) -> Result<Self, Vec<&'static str>> {
        let mounts: Vec<_> = mounts.lines().filter_map(mount).collect();
        let of = |controller: &str| {
            let mount = mounts
                .iter()
                .find(|mount| mount.is_one && mount.options.split(',').any(|o| o == controller))?;
            Some(mount.folder(own(groups, controller)?, configured))
        };
        let found = CONTROLLERS.map(|(controller, _)| of(controller));
        let unified = || {
            let mount = mounts.iter().find(|mount| !mount.is_one)?;
            let own = own(groups, "")?;
            let around = own
                .strip_suffix(ASIDE)
                .and_then(|own| own.strip_suffix('/'));
            Some(mount.folder(around.unwrap_or(own), configured))
        };
        if let [Some(memory), Some(pids), Some(cpu), Some(cpuacct)] = found {
            return Ok(Self {
                version: Version::One,
                memory,
                pids,
                cpu,
                cpuacct,
            });
        }
        // Some controllers here and some there is a machine in between: none of both.
        if let ([None, None, None, None], Some(group)) = (&found, unified()) {
            return Ok(Self::two(group));
        }
        let missing = CONTROLLERS.iter().zip(&found);
        let mut missing: Vec<_> = missing
            .filter(|(_, found)| found.is_none())
            .map(|((_, limit), _)| *limit)
            .collect();
        missing.dedup();
        Err(missing)
    }

    pub(super) fn two(group: PathBuf) -> Self {
        Self {
            version: Version::Two,
            memory: group.clone(),
            pids: group.clone(),
            cpu: group.clone(),
            cpuacct: group,
        }
    }

    /// The group of this name within.
    pub(super) fn child(&self, name: &str) -> Self {
        Self {
            version: self.version,
            memory: self.memory.join(name),
            pids: self.pids.join(name),
            cpu: self.cpu.join(name),
            cpuacct: self.cpuacct.join(name),
        }
    }

    /// Each folder once.
    pub(super) fn folders(&self) -> Vec<&Path> {
        let mut folders: Vec<&Path> = Vec::new();
        for folder in [&self.memory, &self.pids, &self.cpu, &self.cpuacct] {
            if !folders.contains(&folder.as_path()) {
                folders.push(folder);
            }
        }
        folders
    }
}

/// A hierarchy's mount.
struct Mount<'a> {
    is_one: bool,
    options: &'a str,
    /// Which group is mounted.
    root: &'a str,
    point: &'a str,
}

impl Mount<'_> {
    /// Where the group is that this process is in, or the configured one.
    fn folder(&self, own: &str, configured: Option<&Path>) -> PathBuf {
        let point = Path::new(self.point);
        let inside = match configured {
            Some(group) => group.strip_prefix("/").unwrap_or(group),
            // A container sees its own group as the root, or a path from outside with the same
            // beginning.
            None => Path::new(own)
                .strip_prefix(self.root)
                .unwrap_or(Path::new("")),
        };
        // An empty part would leave a slash behind.
        if inside.as_os_str().is_empty() {
            point.to_owned()
        } else {
            point.join(inside)
        }
    }
}

/// Reads one line of proc(5)'s `mountinfo`, if it is a hierarchy's.
fn mount(line: &str) -> Option<Mount<'_>> {
    let (place, kind) = line.split_once(" - ")?;
    let mut kind = kind.split(' ');
    let is_one = match kind.next()? {
        "cgroup" => true,
        "cgroup2" => false,
        _ => return None,
    };
    let options = kind.nth(1)?;
    let mut place = place.split(' ').skip(3);
    let (root, point) = (place.next()?, place.next()?);
    Some(Mount {
        is_one,
        options,
        root,
        point,
    })
}

/// The group of this process in the controller's hierarchy; the empty name is version two's.
fn own<'a>(groups: &'a str, controller: &str) -> Option<&'a str> {
    groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, group) = rest.split_once(':')?;
        controllers
            .split(',')
            .any(|c| c == controller)
            .then_some(group)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:3 - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
22 1 0:20 / /proc rw - proc proc rw";
    const ONE_OWN: &str = "8:pids:/\n4:memory:/service/a\n1:cpu,cpuacct:/service\n0::/\n";
    const TWO: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw";

    #[test]
    fn groups_are_made_below_our_own_or_below_the_configured_one() {
        let found = Layout::find(ONE, ONE_OWN, None).unwrap();
        assert_eq!(found.version, Version::One);
        assert_eq!(found.memory, Path::new("/sys/fs/cgroup/memory/service/a"));
        assert_eq!(found.pids, Path::new("/sys/fs/cgroup/pids"));
        assert_eq!(found.folders().len(), 3, "cpu and cpuacct are one");

        let found = Layout::find(ONE, ONE_OWN, Some(Path::new("/boxes"))).unwrap();
        assert_eq!(
            found.child("b").memory,
            Path::new("/sys/fs/cgroup/memory/boxes/b")
        );

        let found = Layout::find(TWO, "0::/user.slice/x.service\n", None).unwrap();
        let folder = Path::new("/sys/fs/cgroup/user.slice/x.service");
        assert_eq!(
            (found.version, found.folders()),
            (Version::Two, vec![folder])
        );
    }

    #[test]
    fn a_container_that_sees_a_part_of_the_hierarchy_finds_itself_in_it() {
        let mounts = "30 23 0:26 /docker/c1 /sys/fs/cgroup ro - cgroup2 cgroup2 rw";
        for (own, folder) in [
            ("0::/docker/c1\n", "/sys/fs/cgroup"),
            ("0::/docker/c1/job\n", "/sys/fs/cgroup/job"),
            ("0::/\n", "/sys/fs/cgroup"),
        ] {
            let found = Layout::find(mounts, own, None).unwrap();
            assert_eq!(found.memory, Path::new(folder), "{own}");
        }
    }

    #[test]
    fn a_verifier_that_stepped_aside_makes_boxes_beside_itself() {
        let mounts = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
        for (own, folder) in [
            ("0::/assay-verifier\n", "/sys/fs/cgroup"),
            ("0::/svc/assay-verifier\n", "/sys/fs/cgroup/svc"),
            (
                "0::/svc/my-assay-verifier\n",
                "/sys/fs/cgroup/svc/my-assay-verifier",
            ),
        ] {
            let found = Layout::find(mounts, own, None).unwrap();
            assert_eq!(found.memory, Path::new(folder), "{own}");
        }
    }

    #[test]
    fn what_is_nowhere_is_named_by_its_limit() {
        let without_pids: String =
            ONE.lines()
                .filter(|l| !l.contains("pids"))
                .fold(String::new(), |mut text, line| {
                    text.push_str(line);
                    text.push('\n');
                    text
                });
        for (mounts, own, missing) in [
            (without_pids.as_str(), ONE_OWN, vec!["processes"]),
            ("", "", vec!["memory", "processes", "cpu"]),
            (TWO, "", vec!["memory", "processes", "cpu"]),
        ] {
            assert_eq!(
                Layout::find(mounts, own, None).unwrap_err(),
                missing,
                "{mounts}"
            );
        }
    }
}
