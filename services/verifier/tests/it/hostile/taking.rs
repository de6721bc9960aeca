//! Programs that take more than they may. Each is stopped as a whole, and told by which limit.

use lab::spec::Limits;
use verifier::limit::Limit;

use super::End::{Exit, Limit as At, Says};
use super::{Hostile, SMALL, hostile, run_all};
use crate::bench::Bench;

const PROCESSES: [Hostile; 8] = [
    hostile(
        "a fork bomb",
        "f() { f | f & }; f; wait; sleep 30",
        At(Limit::Processes),
    ),
    hostile(
        "a fork bomb that hears nothing and belongs to nobody",
        "perl -MPOSIX -e '$SIG{$_} = \"IGNORE\" for keys %SIG; while (1) { fork; setsid }'",
        At(Limit::Processes),
    ),
    hostile(
        "a fork bomb that says that all is well",
        "f() { f | f & }; f; sleep 1; exit 0",
        At(Limit::Processes),
    ),
    hostile(
        "a flood of zombies",
        "perl -e 'for (1 .. 500) { my $id = fork; exit if defined $id && !$id } sleep 30'",
        At(Limit::Processes),
    ),
    hostile(
        "a bomb of threads",
        "cat > t.c <<'E'\n#include <pthread.h>\n#include <unistd.h>\n\
         void *w(void *x) { sleep(30); return x; }\n\
         int main() { pthread_t t; for (int i = 0; i < 500; i++) pthread_create(&t, 0, w, 0); sleep(30); }\nE\n\
         cc -pthread -o t t.c && ./t",
        At(Limit::Processes),
    ),
    hostile(
        "a daemon",
        "setsid -f sleep 900 </dev/null >/dev/null 2>&1; exit 0",
        Exit(0),
    ),
    hostile(
        "an orphan whose parents are all gone",
        "perl -MPOSIX -e 'exit if fork; setsid; exit if fork; setsid; exec \"sleep\", \"900\"'; exit 0",
        Exit(0),
    ),
    hostile(
        "a child that holds on to nothing of its parent's",
        "(exec >&- 2>&- <&-; trap '' HUP TERM INT; exec setsid sleep 900) & exit 0",
        Exit(0),
    ),
];

const MEMORY: [Hostile; 9] = [
    hostile(
        "memory in one process",
        "perl -e '$x = \"x\" x (500 << 20); sleep 30'",
        At(Limit::Memory),
    ),
    hostile(
        "memory in many, none of which takes too much",
        "for i in 1 2 3 4 5 6; do perl -e '$x = \"x\" x (20 << 20); sleep 30' & done; wait",
        At(Limit::Memory),
    ),
    hostile(
        "memory that ends a child alone, while its parent says that all is well",
        "perl -e '$x = \"x\" x (500 << 20)'; exit 0",
        At(Limit::Memory),
    ),
    hostile(
        "memory in processes that left their parent",
        "for i in 1 2 3 4 5 6; do setsid -f perl -e '$x = \"x\" x (20 << 20); sleep 30'; done; sleep 30",
        At(Limit::Memory),
    ),
    hostile(
        "mapped shared memory in no process's own",
        "cat > m.c <<'E'\n#include <sys/mman.h>\n#include <string.h>\n#include <unistd.h>\n\
         int main() { for (int i = 0; i < 200; i++) { char *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, \
         MAP_SHARED | MAP_ANONYMOUS, -1, 0); memset(p, 1, 1 << 20); } sleep(30); }\nE\ncc -o m m.c && ./m",
        At(Limit::Memory),
    ),
    hostile(
        "segments of System V that outlive their maker",
        "perl -e 'for (1 .. 40) { my $id = shmget(0, 5 << 20, 01600); shmwrite($id, \"x\" x (5 << 20), 0, 5 << 20) } \
         ' ; sleep 30",
        At(Limit::Memory),
    ),
    hostile(
        "bytes that wait in sockets",
        "perl -MSocket -e 'my @all; for (1 .. 400) { socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or last; \
         $a->blocking(0); 1 while syswrite $a, \"x\" x 65536; push @all, $a, $b } sleep 30'",
        At(Limit::Memory),
    ),
    hostile(
        "a line without an end that is kept",
        "cat /dev/zero | tail -n 1",
        At(Limit::Memory),
    ),
    hostile(
        "/dev/shm, which is disk here",
        "head -c 9000000 /dev/zero > /dev/shm/x",
        At(Limit::Disk),
    ),
];

const DISK: [Hostile; 10] = [
    hostile(
        "a large file",
        "head -c 9000000 /dev/zero > big",
        At(Limit::Disk),
    ),
    hostile(
        "files in every place, none of them large",
        "for i in /work/a /tmp/b /dev/shm/c /work/d; do head -c 3000000 /dev/zero > $i; done",
        At(Limit::Disk),
    ),
    hostile(
        "many empty files",
        "i=0; while [ $i -lt 9000 ]; do : > $i; i=$((i+1)); done",
        At(Limit::Disk),
    ),
    hostile(
        "many folders",
        "perl -e 'mkdir $_ for 1 .. 9000'",
        At(Limit::Disk),
    ),
    hostile(
        "many links",
        "perl -e 'symlink \"/etc/passwd\", $_ for 1 .. 9000'",
        At(Limit::Disk),
    ),
    hostile(
        "a file that has no name any more",
        "exec 5>/tmp/a 6>/tmp/b; rm /tmp/a /tmp/b; head -c 5000000 /dev/zero >&5; head -c 5000000 /dev/zero >&6; sleep 1",
        At(Limit::Disk),
    ),
    hostile(
        "a sparse file beyond the limit",
        "truncate -s 10G sparse",
        At(Limit::Disk),
    ),
    hostile(
        "a sparse file within it takes nothing",
        "truncate -s 7M sparse && echo made",
        Says("made\n"),
    ),
    hostile(
        "room that is asked for at once and refused",
        "fallocate -l 6M a && ! fallocate -l 6M b 2>/dev/null && echo refused",
        Says("refused\n"),
    ),
    hostile("a full device", "echo x >/dev/full || exit 3", Exit(3)),
];

const OUTPUT: [Hostile; 7] = [
    hostile("lines without end", "yes", At(Limit::Output)),
    hostile("complaints without end", "yes >&2", At(Limit::Output)),
    hostile("a line without end", "cat /dev/zero", At(Limit::Output)),
    hostile("both at once", "yes & yes >&2", At(Limit::Output)),
    hostile("noise", "cat /dev/urandom", At(Limit::Output)),
    hostile(
        "many that print",
        "for i in 1 2 3 4 5 6; do yes $i & done; wait",
        At(Limit::Output),
    ),
    hostile(
        "one who prints when the step is over",
        "(while :; do echo x; done) >&2 & exit 0",
        Exit(0),
    ),
];

const TIME: [Hostile; 5] = [
    hostile("one who burns", "while :; do :; done", At(Limit::Cpu)),
    hostile(
        "many who burn",
        "for i in 1 2 3 4; do sh -c 'while :; do :; done' & done; wait",
        At(Limit::Cpu),
    ),
    hostile(
        "many who burn a little, one after the other",
        "while :; do perl -e '1 for 1 .. 1_000_000'; done",
        At(Limit::Cpu),
    ),
    hostile(
        "one who does not hear that he must stop",
        "perl -e '$SIG{$_} = \"IGNORE\" for keys %SIG; 1 while 1'",
        At(Limit::Cpu),
    ),
    hostile(
        "one who burns in the kernel",
        "head -c 1000000000000 /dev/zero >/dev/null",
        At(Limit::Cpu),
    ),
];

#[tokio::test]
async fn programs_that_take_too_many_processes() {
    let Some(bench) = Bench::bounded().await else {
        return;
    };
    // A compiler is among them.
    let limits = Limits {
        memory_mib: 256,
        ..SMALL
    };
    run_all(&bench, &PROCESSES, limits).await;
}

#[tokio::test]
async fn programs_that_take_too_much_memory() {
    let Some(bench) = Bench::bounded().await else {
        return;
    };
    run_all(&bench, &MEMORY, SMALL).await;
}

#[tokio::test]
async fn programs_that_take_too_much_disk() {
    let Some(bench) = Bench::bounded().await else {
        return;
    };
    run_all(&bench, &DISK, SMALL).await;
}

#[tokio::test]
async fn programs_that_print_too_much() {
    let Some(bench) = Bench::bounded().await else {
        return;
    };
    run_all(&bench, &OUTPUT, SMALL).await;
}

#[tokio::test]
async fn programs_that_take_too_much_time() {
    let Some(bench) = Bench::bounded().await else {
        return;
    };
    let limits = Limits {
        cpu_seconds: 1,
        ..SMALL
    };
    run_all(&bench, &TIME, limits).await;
    let sleepers = [
        hostile("a sleeper", "sleep 900", At(Limit::Wall)),
        hostile(
            "a sleeper that hears nothing",
            "trap '' TERM HUP INT; sleep 900; sleep 900",
            At(Limit::Wall),
        ),
        hostile("one that stops itself", "kill -STOP $$", At(Limit::Wall)),
        hostile(
            "one that waits for a file that never comes",
            "mkfifo p; cat p",
            At(Limit::Wall),
        ),
    ];
    let limits = Limits {
        wall_seconds: 1,
        ..SMALL
    };
    run_all(&bench, &sleepers, limits).await;
}
