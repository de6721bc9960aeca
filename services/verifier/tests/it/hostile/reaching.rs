//! Programs that reach out of their box. None of them gets anywhere: what each prints is what it
//! got, and most must get nothing.

use super::End::{Exit, Says, Signal};
use super::{Hostile, SMALL, hostile, run_all};
use crate::bench::Bench;

const FILES: [Hostile; 9] = [
    hostile(
        "writes to every place of the system",
        "for f in / /usr /usr/bin /usr/lib /bin /etc /dev /proc /proc/sys/kernel /proc/1 /work/.. /sys; do \
         touch $f/x 2>/dev/null && echo wrote $f; done; \
         for f in /bin/sh /etc/passwd /etc/hosts /usr/bin/perl; do (echo x >>$f) 2>/dev/null && echo wrote $f; \
         chmod 777 $f 2>/dev/null && echo changed $f; mv $f $f.x 2>/dev/null && echo moved $f; done; exit 0",
        Says(""),
    ),
    hostile(
        "the kernel's knobs",
        "for f in core_pattern hostname modprobe sysrq panic; do \
         (echo x >/proc/sys/kernel/$f) 2>/dev/null && echo set $f; done; \
         (echo c >/proc/sysrq-trigger) 2>/dev/null && echo set sysrq; \
         (echo -1000 >/proc/self/oom_score_adj) 2>/dev/null && echo set oom; exit 0",
        Says(""),
    ),
    hostile(
        "the host's files by their paths",
        "for f in '@CANARY@' /etc/shadow /etc/machine-id /root /home /var/log /run /sys/kernel \
         /proc/1/root'@CANARY@' /proc/self/root'@CANARY@' /proc/1/cwd/../..'@CANARY@'; do \
         ls -d $f 2>/dev/null; done; exit 0",
        Says(""),
    ),
    hostile(
        "the host's /tmp",
        "ls -A /tmp /var/tmp 2>/dev/null",
        Exit(2),
    ),
    hostile(
        "links to the host's files",
        "ln -s '@CANARY@' a; ln -s /proc/1/root b; ln -s '@FOLDER@' c; \
         cat a b'@CANARY@' c/canary 2>/dev/null; (echo x >a) 2>/dev/null; ln '@CANARY@' d 2>/dev/null; exit 0",
        Says(""),
    ),
    hostile(
        "devices",
        "for f in mem kmem kvm sda vda fuse loop0 mapper net/tun kmsg console ptmx0; do \
         ls /dev/$f 2>/dev/null; done; mknod m c 1 1 2>/dev/null && echo made; \
         mknod b b 253 0 2>/dev/null && echo made; exit 0",
        Says(""),
    ),
    hostile(
        "memory and logs of the kernel",
        "for f in /proc/kcore /proc/kmsg /proc/kpagecount /dev/mem; do head -c 1 $f 2>/dev/null; done; \
         dmesg 2>/dev/null; cat /proc/keys /proc/key-users 2>/dev/null | grep -c -v : ; exit 0",
        Says("0\n"),
    ),
    hostile(
        "the control groups",
        "ls -A /sys/fs/cgroup 2>/dev/null; mkdir g; mount -t cgroup2 x g 2>/dev/null && echo mounted; \
         grep assay-box /proc/self/cgroup /proc/self/mountinfo; exit 0",
        Says(""),
    ),
    hostile(
        "the names that mounts have outside",
        "grep -c -E '@FOLDER@|canary' /proc/self/mountinfo /proc/mounts; exit 0",
        Says("/proc/self/mountinfo:0\n/proc/mounts:0\n"),
    ),
];

const PROCESSES: [Hostile; 9] = [
    hostile(
        "signals to those outside",
        "kill -9 @VICTIM@ @VERIFIER@ 2>/dev/null && echo sent; kill -0 @VICTIM@ 2>/dev/null && echo there; \
         perl -e 'kill 9, -@VERIFIER@; kill 19, @VICTIM@'; exit 0",
        Says(""),
    ),
    hostile(
        "a signal to everybody, which reaches but the box",
        "exec 2>/dev/null; perl -e 'kill 9, -1'; kill -9 -1",
        Signal(9),
    ),
    hostile(
        "a signal to the box's own first process",
        "kill -9 1; kill -15 1; echo alone",
        Says("alone\n"),
    ),
    hostile(
        "environments of others",
        "cat /proc/*/environ | tr '\\0' '\\n' | sed 's/=.*//' | sort -u | \
         grep -v -x -E 'HOME|LANG|PATH|PWD|TZ|ASSAY_MARK|OLDPWD|_|SHLVL'; exit 0",
        Says(""),
    ),
    hostile(
        "others' command lines and folders",
        "cat /proc/*/cmdline | tr '\\0' ' ' | grep -o -E '[c]argo|[n]extest|[p]ostgres|[b]wrap --'; \
         for p in /proc/[0-9]*; do readlink $p/cwd $p/exe; done | sort -u | grep -v -E '^/(work|usr/bin/[a-z.]+)?$'; exit 0",
        Says(""),
    ),
    hostile(
        "descriptors that were inherited",
        "ls /proc/1/fd | tr '\\n' ' '; for d in /proc/self/fd/* /proc/1/fd/*; do readlink $d; done | grep -v -E '^(pipe:|/dev/null|/proc/)'; exit 0",
        Says("0 1 2 "),
    ),
    hostile(
        "the terminal",
        "(echo x >/dev/tty) 2>/dev/null && echo wrote; perl -e 'exit 1 unless -t STDIN || -t STDOUT' && echo terminal; exit 0",
        Says(""),
    ),
    hostile(
        "priorities",
        "nice -n -5 true 2>/dev/null; [ \"$(nice -n -5 nice 2>/dev/null)\" -lt 0 ] && echo nicer; \
         chrt -f 50 true 2>/dev/null && echo realtime; ionice -c 1 true 2>/dev/null && echo first; exit 0",
        Says(""),
    ),
    hostile(
        "the clock",
        "date -s 2001-01-01 >/dev/null 2>&1 && echo set; \
         perl -e 'my $t = pack \"qq\", 1, 0; print \"set\\n\" if 0 == syscall 227, 0, $t; print \"set\\n\" if 0 == syscall 164, $t, 0'; exit 0",
        Says(""),
    ),
];

const NETWORK: [Hostile; 7] = [
    hostile(
        "connections to the host",
        "for a in 127.0.0.1 localhost 10.0.2.2 169.254.169.254 1.1.1.1; do \
         timeout 2 bash -c \"exec 9<>/dev/tcp/$a/@TCP@\" 2>/dev/null && echo reached $a; done; exit 0",
        Says(""),
    ),
    hostile(
        "datagrams to the host",
        "bash -c 'echo x >/dev/udp/127.0.0.1/@UDP@' 2>/dev/null; exit 0",
        Says(""),
    ),
    hostile(
        "unix sockets of the host, by name and by path",
        "perl -MSocket -e 'for my $n (\"\\0@ABSTRACT@\", \"@FOLDER@/socket\", \"/run/dbus/system_bus_socket\", \
         \"/var/run/docker.sock\") { socket(my $s, AF_UNIX, SOCK_STREAM, 0); \
         my $a = pack(\"S\", AF_UNIX) . $n; print \"reached\\n\" if connect $s, $a }'; exit 0",
        Says(""),
    ),
    hostile(
        "links, addresses and routes",
        "grep -c : /proc/net/dev; wc -l </proc/net/route; wc -l </proc/net/unix",
        Says("1\n1\n1\n"),
    ),
    hostile(
        "a link of its own making",
        "perl -e 'socket(my $s, 16, 3, 0) or exit; \
         my $m = pack \"LSSLLCxSlLL\", 32, 16, 0x605, 1, 0, 0, 0, 0, 0, 0; send $s, $m, 0; \
         recv $s, my $r, 4096, 0; my (undef, $t, undef, undef, undef, $e) = unpack \"LSSLLl\", $r; \
         print \"made\\n\" unless $t == 2 && $e < 0'; exit 0",
        Says(""),
    ),
    hostile(
        "raw and odd sockets",
        "perl -e 'for ([2, 3, 1], [2, 3, 255], [10, 3, 58], [17, 3, 768], [17, 2, 8], [40, 1, 0], [38, 5, 0], [15, 3, 2], \
         [31, 3, 1], [29, 3, 1], [1, 3, 0, 1]) { next if $_->[3]; print \"opened @$_\\n\" if socket(my $s, $_->[0], $_->[1], $_->[2]) }'; exit 0",
        Says(""),
    ),
    hostile(
        "a port of the host's, which is free in the box",
        "perl -MSocket -e 'socket(my $s, AF_INET, SOCK_STREAM, 0); bind($s, sockaddr_in(@TCP@, INADDR_LOOPBACK)) or die; \
         listen($s, 1); socket(my $c, AF_INET, SOCK_STREAM, 0); connect($c, sockaddr_in(@TCP@, INADDR_LOOPBACK)) and print \"own\\n\"'",
        Says("own\n"),
    ),
];

#[tokio::test]
async fn programs_that_reach_for_the_hosts_files() {
    run_all(&Bench::new().await, &FILES, SMALL).await;
}

#[tokio::test]
async fn programs_that_reach_for_the_hosts_processes() {
    run_all(&Bench::new().await, &PROCESSES, SMALL).await;
}

#[tokio::test]
async fn programs_that_reach_for_the_hosts_network() {
    run_all(&Bench::new().await, &NETWORK, SMALL).await;
}
