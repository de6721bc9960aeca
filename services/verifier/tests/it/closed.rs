//! What the box is closed to beyond namespaces, and the check that it is.

mod doubt;

use crate::bench::{Bench, SLOT};

/// Calls by their numbers on x86-64, with a name.
#[cfg(target_arch = "x86_64")]
const REFUSED: [(&str, &str); 37] = [
    ("keyctl", "250, 0, 0, 0"),
    ("add_key", "248, 0, 0, 0, 0, 0"),
    ("io_uring_setup", "425, 1, 0"),
    ("ptrace", "101, 0, 0, 0, 0"),
    ("userfaultfd", "323, 0"),
    ("perf_event_open", "298, 0, 0, 0, 0, 0"),
    ("bpf", "321, 0, 0, 0"),
    ("mount", "165, 0, 0, 0, 0, 0"),
    ("unshare of a user namespace", "272, 0x10000000"),
    ("clone of a user namespace", "56, 0x10000011, 0, 0, 0, 0"),
    ("a socket of AF_VSOCK", "41, 40, 1, 0"),
    ("a socket of AF_ALG", "41, 38, 5, 0"),
    ("a socket of AF_PACKET", "41, 17, 3, 0"),
    ("a socket of AF_KEY", "41, 15, 3, 2"),
    ("ioctl TIOCSTI", "16, 0, 0x5412, 0"),
    ("ioctl TIOCLINUX", "16, 0, 0x541c, 0"),
    ("request_key", "249, 0, 0, 0, 0"),
    ("io_uring_enter", "426, 0, 0, 0, 0, 0, 0"),
    ("io_uring_register", "427, 0, 0, 0, 0"),
    ("process_vm_readv", "310, 1, 0, 0, 0, 0, 0"),
    ("process_vm_writev", "311, 1, 0, 0, 0, 0, 0"),
    ("kcmp", "312, 1, 1, 0, 0, 0"),
    ("pidfd_getfd", "438, 0, 0, 0"),
    ("clone3", "435, 0, 0"),
    ("setns", "308, 0, 0"),
    ("open_tree", "428, -100, 0, 0"),
    ("fsopen", "430, 0, 0"),
    ("move_mount", "429, 0, 0, 0, 0, 0"),
    ("pivot_root", "155, 0, 0"),
    ("open_by_handle_at", "304, 0, 0, 0"),
    ("fanotify_init", "300, 0, 0"),
    ("memfd_secret", "447, 0"),
    ("syslog", "103, 10, 0, 0"),
    ("clock_settime", "227, 0, 0"),
    ("adjtimex", "159, 0"),
    ("cachestat", "451, 0, 0, 0, 0"),
    ("preadv2 of what is cached alone", "327, 0, 0, 0, 0, 0, 8"),
];

#[cfg(target_arch = "x86_64")]
#[tokio::test]
async fn calls_that_led_out_of_boxes_are_refused_as_if_the_kernel_had_none() {
    let bench = Bench::new().await;
    let ask =
        |call: &str| format!("perl -e '$! = 0; my $r = syscall({call}); print $r, \" \", $! + 0'");
    for (name, call) in REFUSED {
        // 38 is ENOSYS; without the filter each of them answers otherwise.
        assert_eq!(bench.says(&ask(call)).await, "-1 38", "{name}");
    }
    // The numbers of the x32 interface, and what a check needs.
    assert_eq!(bench.says(&ask("0x40000000 + 39")).await, "-1 38");
    assert_eq!(bench.says(&ask("41, 1, 1, 0")).await, "3 0", "AF_UNIX");
    let said = bench.says("sh -c 'echo forked' & wait").await;
    assert_eq!(said, "forked\n");
}

#[tokio::test]
async fn the_self_check_holds_on_a_sound_sandbox_and_tells_what_surprised_it_on_a_broken_one() {
    let bench = Bench::new().await;
    bench.sandbox.check(SLOT + 1).await.unwrap();
    let passwd = bench.scratch.path().join("etc/passwd");
    let kept = std::fs::read(&passwd).unwrap();
    std::fs::remove_file(&passwd).unwrap();
    let surprise = bench.sandbox.check(SLOT + 1).await.unwrap_err();
    assert!(surprise.starts_with("must pass: "), "{surprise}");
    std::fs::write(&passwd, kept).unwrap();
    bench.sandbox.check(SLOT + 1).await.unwrap();
}
