//! What a box's command line must have in it.

use super::*;

fn line(account: Option<Account>, doors: &[PathBuf]) -> String {
    line_among(account, doors, &[])
}

fn line_among(account: Option<Account>, doors: &[PathBuf], mounts: &[OsString]) -> String {
    let programs = Programs {
        bash: "/bin/bash".into(),
        setpriv: "/bin/setpriv".into(),
        bwrap: "/bin/bwrap".into(),
        version: String::new(),
    };
    let limits = Limits::default();
    let recipe = Recipe {
        programs: &programs,
        etc: Path::new("/scratch/etc"),
        filter: Path::new("/scratch/filter.bpf"),
        doors,
        system: &[PathBuf::from("/opt/tools")],
        mounts,
        tools: &[Mounted {
            name: "python-3.11".parse().unwrap(),
            folder: PathBuf::from("/opt/p"),
            has_bin: true,
        }],
        work: Path::new("/scratch/w"),
        sealed: Some(Path::new("/scratch/learner")),
        private: (!doors.is_empty()).then_some([Path::new("/scratch/t"), Path::new("/scratch/s")]),
        account,
        limits: &limits,
        command: "sh tests/run.sh; echo \"$x\"",
    };
    recipe
        .arguments()
        .join(OsStr::new("|"))
        .into_string()
        .unwrap()
}

#[test]
fn a_box_shares_nothing_and_is_bounded() {
    let line = line(None, &[PathBuf::from("/group/cgroup.procs")]);
    for part in [
        "|/bin/bash|/scratch/filter.bpf|/group/cgroup.procs|--|/bin/bwrap|",
        "|--seccomp|4|",
        "|--unshare-all|--unshare-user|--disable-userns|",
        "|--die-with-parent|--new-session|--cap-drop|ALL|--clearenv|",
        "|--ro-bind|/usr|/usr|",
        "|--ro-bind|/scratch/etc/passwd|/etc/passwd|",
        "|--ro-bind|/opt/tools|/opt/tools|",
        "|--ro-bind|/opt/p|/tools/python-3.11|",
        "|--setenv|PATH|/tools/python-3.11/bin:/usr/local/bin:/usr/bin:/bin|",
        "|--bind|/scratch/t|/tmp|--bind|/scratch/s|/dev/shm|",
        "|--bind|/scratch/w|/work|--ro-bind|/scratch/learner|/learner|--remount-ro|/dev|",
        "|--remount-ro|/dev|--remount-ro|/|",
        "|-St|30|-Ht|31|-f|524288|-n|1024|-s|8192|-l|64|-c|0|--|/bin/sh|-c|sh tests/run.sh; echo \"$x\"",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(
        !line.contains("--share-net") && !line.contains("|/etc|"),
        "{line}"
    );
    assert!(!line.contains("setpriv"), "{line}");
    assert!(
        !line.contains("--data") && !line.contains("--nproc"),
        "{line}"
    );
    assert_eq!(line.matches("|--bind|").count(), 3, "what is writable");
}

#[test]
fn without_groups_each_process_is_bounded_alone() {
    let line = line(None, &[]);
    for part in [
        "|--data=536870912:536870912|--nproc=65:65|--|/bin/sh|",
        "|--size|67108864|--perms|1777|--tmpfs|/tmp|",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert_eq!(line.matches("|--bind|").count(), 1, "what is writable");
}

#[test]
fn root_becomes_the_slots_user_before_anything_else() {
    let line = line(Some(Account { id: 60_601 }), &[]);
    let dropped =
        "|/bin/setpriv|--reuid|60601|--regid|60601|--clear-groups|--inh-caps=-all|--|/bin/bwrap|";
    assert!(line.contains(dropped), "{line}");
}

#[test]
fn a_box_is_made_among_the_mounts_that_its_folders_are_in() {
    let mounts = ["/bin/nsenter", "--target", "7", "--"].map(OsString::from);
    let line = line_among(None, &[], &mounts);
    assert!(
        line.contains("|--|/bin/nsenter|--target|7|--|/bin/bwrap|"),
        "{line}"
    );
}
