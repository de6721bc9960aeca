//! Programs that leave behind what is hard to remove, to read or to print. It goes with the run.

use super::End::{Exit, Says};
use super::{Hostile, SMALL, hostile, run_all};
use crate::bench::Bench;

const LEFT: [Hostile; 11] = [
    hostile(
        "a tree that is closed to its owner",
        "mkdir -p a/b/c; touch a/b/c/x; chmod 000 a/b/c/x a/b/c a/b a .; chmod 000 /tmp /dev/shm; exit 0",
        Exit(0),
    ),
    hostile(
        "folders deeper than any path",
        "perl -e 'for (1 .. 1500) { mkdir \"d\" x 20; chdir \"d\" x 20 or die }'",
        Exit(0),
    ),
    hostile(
        "files that cannot be changed",
        "touch x; chattr +i x 2>/dev/null; chattr +a . 2>/dev/null; chmod 000 x; exit 0",
        Exit(0),
    ),
    hostile(
        "names that are no names",
        "perl -e 'for (\"a\\nb\", \"\\e[2J\\e[31m\", \"\\xff\\xfe\", \"-rf\", \"--\", \" \", \"*\", \"\\t\", \"a\" x 255, \
         \"\\$(touch pwned)\", \"\\x{202e}txt\") { mkdir $_ or open my $f, \">\", $_ or die; }'",
        Exit(0),
    ),
    hostile(
        "links to everywhere and in circles",
        "ln -s . a; ln -s b c; ln -s c b; ln -s / root; ln -s '@FOLDER@' f; ln -s /proc/self/fd/0 z; \
         ln -s '@CANARY@' report.xml; exit 0",
        Exit(0),
    ),
    hostile(
        "many names of one file",
        "touch x; perl -e 'link \"x\", \"y$_\" for 1 .. 1000'",
        Exit(0),
    ),
    hostile(
        "pipes and sockets",
        "mkfifo report.xml p; perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind $s, pack_sockaddr_un(\"s\")'",
        Exit(0),
    ),
    hostile(
        "files in use",
        "perl -e 'open my $f, \">\", \"x\"; print $f 1; exec \"setsid\", \"-f\", \"sh\", \"-c\", \"cd /tmp; sleep 900 <&3\" if fork; sleep 900'",
        Exit(0),
    ),
    hostile(
        "attributes",
        "perl -e 'my $v = \"x\" x 60000; open my $f, \">\", \"x\"; \
         syscall 188, \"x\", my $n = \"user.$_\", $v, length $v, 0 for 1 .. 50' ; exit 0",
        Exit(0),
    ),
    hostile(
        "a message queue, a semaphore and a segment",
        "ipcmk -Q >/dev/null; ipcmk -S 3 >/dev/null; ipcmk -M 4096 >/dev/null; ipcs | grep -c 0x",
        Says("3\n"),
    ),
    hostile(
        "a locked file of the system",
        "flock -n /usr/bin/env sh -c 'setsid -f sleep 900 </dev/null >/dev/null 2>&1; exit 0'",
        Exit(0),
    ),
];

#[tokio::test]
async fn programs_that_leave_what_is_hard_to_remove() {
    run_all(&Bench::new().await, &LEFT, SMALL).await;
}
