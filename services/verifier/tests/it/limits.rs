//! The six limits: each stops the run as a whole, and is named; what was used is measured.

use lab::spec::Limits;
use verifier::limit::Limit;
use verifier::sandbox::error::CannotSandbox;
use verifier::sandbox::{Bounding, Sandbox};

use crate::bench::{Bench, site};

const SMALL: Limits = Limits {
    wall_seconds: 30,
    cpu_seconds: 20,
    memory_mib: 64,
    processes: 8,
    disk_mib: 8,
    output_kib: 64,
};

#[tokio::test]
async fn the_limit_that_stopped_a_run_is_named() {
    let Some(bench) = Bench::bounded().await else {
        return;
    };
    let many_hogs = "for i in 1 2 3 4 5; do \
        perl -e '$x = \"x\" x (20 << 20); sleep 20' & done; wait";
    for (command, limit) in [
        ("perl -e '$x = \"x\" x (500 << 20)'", Limit::Memory),
        // None of them alone takes too much.
        (many_hogs, Limit::Memory),
        (
            "perl -e '$x = \"x\" x (500 << 20)' || exit 0",
            Limit::Memory,
        ),
        (
            "n=0; while [ $n -lt 50 ]; do n=$((n+1)); sleep 30 & done; wait",
            Limit::Processes,
        ),
        ("f() { f | f & }; f; sleep 20; exit 0", Limit::Processes),
        ("head -c 9000000 /dev/zero > big", Limit::Disk),
        // No file is large, and no place alone holds too much.
        (
            "for i in /work/a /tmp/b /dev/shm/c /work/d; do head -c 3000000 /dev/zero > $i; done",
            Limit::Disk,
        ),
        (
            "i=0; while [ $i -lt 9000 ]; do : > $i; i=$((i+1)); done",
            Limit::Disk,
        ),
        ("yes", Limit::Output),
    ] {
        let outcome = bench.run(command, SMALL).await;
        assert_eq!(outcome.ending.limit, Some(limit), "{command}: {outcome:?}");
        bench.run("rm -rf /work/*", Limits::default()).await;
    }
    assert_eq!(bench.says("echo still here").await, "still here\n");
}

#[tokio::test]
async fn what_stays_within_the_limits_is_let_alone() {
    let Some(bench) = Bench::bounded().await else {
        return;
    };
    let command = "perl -e '$x = \"x\" x (20 << 20)'; head -c 6000000 /dev/zero > /tmp/a; \
        cat /tmp/a > /dev/null; sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait";
    let outcome = bench.run(command, SMALL).await;
    assert_eq!(
        (outcome.ending.exit_code, outcome.ending.limit),
        (Some(0), None),
        "{outcome:?}"
    );
    let used = outcome.peaks;
    let memory = used.memory_bytes.unwrap();
    assert!(memory > 20 << 20 && memory < 100 << 20, "{used:?}");
    assert!((5..=8).contains(&used.processes.unwrap()), "{used:?}");
    assert!(
        (6_000_000..7_000_000).contains(&used.disk_bytes.unwrap()),
        "{used:?}"
    );
    assert_eq!(used.output_bytes, 0);
    assert!(
        used.wall_ms >= 50 && used.user_ms + used.system_ms > 0,
        "{used:?}"
    );
    assert!(used.cpu_ms >= used.user_ms, "{used:?}");
}

#[tokio::test]
async fn memory_that_is_in_no_process_is_counted_too() {
    let Some(bench) = Bench::bounded().await else {
        return;
    };
    // Anonymous files are shared memory of nobody's in particular.
    let hidden = "perl -e '
        my @held;
        for (1 .. 60) {
            my $fd = syscall(319, my $name = \"x\", 0);
            open my $file, \"+<&=\", $fd or die;
            for (1 .. 5) { syswrite $file, \"x\" x (1 << 20) }
            push @held, $file;
        }
        sleep 20'";
    let outcome = bench.run(hidden, SMALL).await;
    if cfg!(target_arch = "x86_64") {
        assert_eq!(outcome.ending.limit, Some(Limit::Memory), "{outcome:?}");
    }
}

#[tokio::test]
async fn each_step_finds_its_own_tmp_and_the_run_has_one_disk() {
    let Some(bench) = Bench::bounded().await else {
        return;
    };
    let fill = "head -c 5000000 /dev/zero > kept; touch /tmp/x /dev/shm/y";
    assert_eq!(bench.run(fill, SMALL).await.ending.limit, None);
    let outcome = bench.run("ls -A /tmp /dev/shm; ls", SMALL).await;
    assert_eq!(outcome.log, b"/dev/shm:\n\n/tmp:\nkept\n", "{outcome:?}");
    let outcome = bench.run("head -c 5000000 /dev/zero > more", SMALL).await;
    assert_eq!(outcome.ending.limit, Some(Limit::Disk), "{outcome:?}");
}

#[tokio::test]
async fn a_machine_that_cannot_enforce_a_limit_is_refused_unless_asked_for_by_its_dangerous_name() {
    let scratch = crate::bench::scratch();
    let mut nowhere = site(scratch.path());
    nowhere.control_group = Some(std::path::Path::new("/no/such/group"));
    let refused = Sandbox::probe(nowhere, None).await.unwrap_err();
    let told = refused.to_string();
    assert!(matches!(refused, CannotSandbox::Unbounded(_)), "{told}");
    for word in [
        "memory, processes, cpu",
        "/no/such/group",
        "dangerously_run_without_limits",
    ] {
        assert!(told.contains(word), "{word} in {told}");
    }
    // Root or not, the disk is bounded without a group.
    if crate::bench::lacking().is_none() {
        assert!(!told.contains("disk"), "{told}");
    }
    nowhere.bounding = Bounding::DangerouslyWaived;
    let account = verifier::sandbox::account::Account::of_slot(0);
    let sandbox = Sandbox::probe(nowhere, account).await.unwrap();
    let said = sandbox.identification();
    assert!(said.contains("no control groups"), "{said}");
}
