//! Programs that use what the kernel offers to get more than they have: privileges, namespaces,
//! limits, and calls that have led out of boxes.

use lab::spec::Limits;

use super::End::{Exit, Says, Signal};
use super::{Hostile, SMALL, hostile, run_all};
use crate::bench::Bench;

const PRIVILEGES: [Hostile; 8] = [
    hostile(
        "programs that belong to root and run as root",
        "for p in su mount umount passwd newgrp chsh ping fusermount3 pkexec sudo; do \
         $p </dev/null >/dev/null 2>&1; done; su -c id root </dev/null 2>/dev/null; \
         grep NoNewPrivs /proc/self/status; exit 0",
        Says("NoNewPrivs:\t1\n"),
    ),
    hostile(
        "a program that it makes run as its owner",
        "cp /usr/bin/id i; chmod 6755 i; ./i -u; chown 0 i 2>/dev/null && echo changed; \
         setcap cap_sys_admin+ep i 2>/dev/null && echo capable; exit 0",
        Says("1000\n"),
    ),
    hostile(
        "users that it is not",
        "perl -e '$< = 0; $> = 0; print \"root\\n\" if !$< || !$>'; setpriv --reuid 0 id 2>/dev/null; \
         setpriv --clear-groups id 2>/dev/null; exit 0",
        Says(""),
    ),
    hostile(
        "capabilities",
        "grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | grep -v -c 0000000000000000; exit 0",
        Says("0\n"),
    ),
    hostile(
        "mounts",
        "mkdir m; mount -t tmpfs x m 2>/dev/null && echo mounted; mount --bind / m 2>/dev/null && echo bound; \
         mount -o remount,rw /usr 2>/dev/null && echo writable; umount /proc 2>/dev/null && echo off; \
         umount -l /usr 2>/dev/null && echo off; mount -t proc x m 2>/dev/null && echo proc; exit 0",
        Says(""),
    ),
    hostile(
        "namespaces within namespaces",
        "for n in U m p n i u C T; do unshare -$n true 2>/dev/null && echo made $n; done; \
         unshare -Urmpf true 2>/dev/null && echo root; \
         bwrap --ro-bind / / --unshare-all true 2>/dev/null && echo box; \
         nsenter -t 1 -m true 2>/dev/null && echo entered; chroot . 2>/dev/null && echo root; \
         cat /proc/sys/user/max_user_namespaces 2>/dev/null | grep -v -x 0 >/dev/null; exit 0",
        Says(""),
    ),
    hostile(
        "its own maps",
        "(echo '0 0 1' >/proc/self/uid_map) 2>/dev/null && echo mapped; \
         (echo allow >/proc/self/setgroups) 2>/dev/null && echo groups; exit 0",
        Says(""),
    ),
    hostile("the host's name", "hostname other; hostname", Says("box\n")),
];

const LIMITS: [Hostile; 6] = [
    hostile(
        "limits that it raises",
        "for l in c f n s t l; do ulimit -H -$l unlimited 2>/dev/null && echo raised $l; \
         ulimit -S -$l unlimited 2>/dev/null && [ $l != c ] && echo raised $l; done; \
         prlimit --fsize=unlimited --pid $$ 2>/dev/null && echo raised; exit 0",
        Says(""),
    ),
    hostile(
        "a core dump",
        "ulimit -c unlimited 2>/dev/null; sh -c 'kill -SEGV $$' 2>/dev/null; ls -A; exit 0",
        Says(""),
    ),
    hostile("a crash", "kill -SEGV $$", Signal(11)),
    hostile("an abort", "kill -ABRT $$", Signal(6)),
    hostile(
        "more arguments than there is room for",
        "/bin/true $(seq 1 400000) 2>/dev/null || exit 4",
        Exit(4),
    ),
    // A small stack: what bash takes for it grows by the square, and with 8 MiB a slow machine takes
    // longer than a step may.
    hostile(
        "a shell without a bottom",
        "ulimit -s 1024; bash -c 'f() { f; }; f' 2>/dev/null; [ $? -ge 128 ] && exit 5",
        Exit(5),
    ),
];

#[tokio::test]
async fn programs_that_want_privileges() {
    run_all(&Bench::new().await, &PRIVILEGES, SMALL).await;
}

#[tokio::test]
async fn programs_that_play_with_limits() {
    let limits = Limits {
        memory_mib: 256,
        ..SMALL
    };
    run_all(&Bench::new().await, &LIMITS, limits).await;
}
