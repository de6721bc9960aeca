//! What a step in a box can and cannot do.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lab::pattern::TreeFile;
use lab::spec::Limits;
use tokio::time::timeout;
use verifier::limit::Limit;
use verifier::sandbox::Sandbox;
use verifier::sandbox::account::Account;
use verifier::sandbox::report_file::{self, NoReport};

use crate::bench::{Bench, SLOT, alive, site};

/// Waits until it holds, for a long time, in short steps.
async fn until(holds: impl AsyncFn() -> bool) {
    let waited = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), waited).await.unwrap();
}

fn file(path: &str) -> TreeFile {
    TreeFile::try_from(path.to_owned()).unwrap()
}

#[tokio::test]
async fn a_step_runs_in_its_tree_and_its_end_is_told() {
    let bench = Bench::new().await;
    std::fs::write(bench.folder.work().join("given"), "hello").unwrap();
    let outcome = bench
        .run(
            "cat given; echo out; echo err >&2; exit 7",
            Limits::default(),
        )
        .await;
    assert_eq!(outcome.ending.exit_code, Some(7));
    assert_eq!((outcome.ending.signal, outcome.ending.limit), (None, None));
    assert_eq!(outcome.stdout, b"helloout\n");
    assert!(String::from_utf8(outcome.log).unwrap().contains("err\n"));

    let outcome = bench.run("no-such-program", Limits::default()).await;
    assert_eq!(outcome.ending.exit_code, Some(127));

    let outcome = bench.run("kill -SEGV $$", Limits::default()).await;
    assert_eq!(
        (outcome.ending.exit_code, outcome.ending.signal),
        (None, Some(11))
    );
}

#[tokio::test]
async fn a_box_knows_nobody_and_nothing_of_its_host() {
    let bench = Bench::new().await;
    let said = bench
        .says("env | sort; id -u; hostname; pwd; ls /proc | grep -c '^[0-9]'")
        .await;
    let expected = "HOME=/work\nLANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin\nPWD=/work\nTZ=UTC\n\
        1000\nbox\n/work\n";
    assert!(said.starts_with(expected), "{said}");
    let processes: u32 = said.lines().last().unwrap().parse().unwrap();
    assert!(processes < 10, "{said}");

    let said = bench
        .says("ls -A / /etc /dev; ls /home /root /var /run /sys /work/..")
        .await;
    for hidden in ["shadow", "machine-id", "ssh", "sda", "vda", "mem"] {
        assert!(!said.lines().any(|line| line == hidden), "{hidden}: {said}");
    }
    let missing = said.matches("No such file").count();
    assert_eq!(missing, 5, "{said}");

    let host = bench.scratch.path().join("secret");
    std::fs::write(&host, "secret").unwrap();
    let said = bench.says(&format!("cat {}", host.display())).await;
    assert!(said.contains("No such file"), "{said}");
}

#[tokio::test]
async fn a_box_has_no_descriptor_and_no_privilege_of_its_maker() {
    let bench = Bench::new().await;
    let said = bench
        .says("for fd in /proc/$$/fd/*; do echo ${fd##*/}; done; cat <&0")
        .await;
    let extra = said
        .lines()
        .filter(|fd| fd.parse::<u32>().is_ok_and(|fd| fd > 2))
        .count();
    // The shell's own, for the folder that it lists.
    assert!(extra <= 1, "{said}");
    let said = bench
        .says("grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status")
        .await;
    assert!(said.contains("CapEff:\t0000000000000000"), "{said}");
    assert!(said.contains("CapBnd:\t0000000000000000"), "{said}");
    assert!(said.contains("NoNewPrivs:\t1"), "{said}");
    let said = bench
        .says("unshare -U true || echo refused; touch /usr/x /etc/x /x")
        .await;
    assert!(said.contains("refused"), "{said}");
    assert_eq!(said.matches("Read-only file system").count(), 3, "{said}");
}

#[tokio::test]
async fn a_box_has_no_network_not_even_the_hosts_own() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("bash -c 'exec 9<>/dev/tcp/127.0.0.1/{port} && echo connected'");
    let reached = Command::new("bash")
        .args(["-c", &connect])
        .output()
        .unwrap();
    assert_eq!(
        reached.stdout, b"connected\n",
        "the listener can be reached from outside"
    );

    let bench = Bench::new().await;
    let said = bench.says(&connect).await;
    assert!(!said.contains("connected"), "{said}");
    let said = bench
        .says("grep -c : /proc/net/dev; grep -o 'lo:' /proc/net/dev")
        .await;
    assert_eq!(said, "1\nlo:\n", "loopback of its own is all there is");
}

#[tokio::test]
async fn a_step_that_runs_for_ever_is_stopped_with_all_that_it_started() {
    let bench = Bench::new().await;
    let limits = Limits {
        wall_seconds: 1,
        ..Limits::default()
    };
    let command = "setsid -f sleep 7001; (trap '' TERM HUP; setsid sleep 7001) & \
        echo begun; sleep 7001";
    let outcome = bench.run(command, limits).await;
    assert_eq!(outcome.ending.limit, Some(Limit::Wall));
    assert_eq!(outcome.log, b"begun\n", "what it printed before is kept");
    assert_eq!(alive("sleep 7001"), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_step_leaves_running_ends_with_it() {
    let bench = Bench::new().await;
    let outcome = bench
        .run(
            "setsid -f sleep 7002; sleep 7002 & exit 0",
            Limits::default(),
        )
        .await;
    assert_eq!(outcome.ending.exit_code, Some(0));
    assert_eq!(alive("sleep 7002"), Vec::<String>::new());
}

#[tokio::test]
async fn a_box_that_nobody_waits_for_is_killed() {
    let bench = Bench::new().await;
    let running = bench.run("echo > begun; sleep 7003", Limits::default());
    let begun = bench.folder.work().join("begun");
    tokio::select! {
        outcome = running => panic!("{outcome:?}"),
        () = until(async || begun.exists()) => {}
    }
    until(async || alive("sleep 7003").is_empty()).await;
}

#[tokio::test]
async fn a_step_that_prints_without_end_is_stopped_at_the_cap() {
    let bench = Bench::new().await;
    for command in ["yes", "yes >&2", "cat /dev/zero"] {
        let limits = Limits {
            output_kib: 64,
            ..Limits::default()
        };
        let outcome = bench.run(command, limits).await;
        assert_eq!(outcome.ending.limit, Some(Limit::Output), "{command}");
        assert_eq!(outcome.log.len(), 64 * 1024, "{command}");
    }
    assert!(bench.says("exec >&- 2>&-; sleep 0").await.is_empty());
}

#[tokio::test]
async fn processor_time_is_bounded_for_one_process_and_for_all_together() {
    let bench = Bench::new().await;
    let limits = Limits {
        cpu_seconds: 1,
        ..Limits::default()
    };
    let outcome = bench.run("while :; do :; done", limits).await;
    assert_eq!(outcome.ending.limit, Some(Limit::Cpu), "{outcome:?}");
    // Each of the three is stopped by its own limit, and the step pretends that all is well.
    let many = "f() { sh -c 'while :; do :; done'; }; f; f; f; exit 0";
    let outcome = bench.run(many, limits).await;
    assert_eq!(outcome.ending.limit, Some(Limit::Cpu), "{outcome:?}");
}

#[tokio::test]
async fn a_report_is_read_only_where_it_is_a_plain_file_inside_the_tree() {
    let bench = Bench::new().await;
    let work = bench.folder.work();
    let read = |path| report_file::read(work, &file(path));
    assert!(matches!(read("report.xml"), Err(NoReport::Missing)));
    assert!(matches!(read("no/report.xml"), Err(NoReport::Missing)));

    let secret = bench.scratch.path().join("secret.xml");
    std::fs::write(&secret, "<testsuite/>").unwrap();
    let evil = format!(
        "ln -s {} report.xml; ln -s {} out; mkfifo pipe; mkdir folder; \
         mkdir good; printf fine > good/r.xml; ln -s good alias; \
         head -c 5000000 /dev/zero > huge; truncate -s 200M sparse",
        secret.display(),
        bench.scratch.path().display(),
    );
    let outcome = bench.run(&evil, Limits::default()).await;
    assert_eq!(outcome.ending.exit_code, Some(0));
    assert!(matches!(read("report.xml"), Err(NoReport::Symlink)));
    assert!(matches!(read("out/secret.xml"), Err(NoReport::Symlink)));
    assert!(matches!(read("alias/r.xml"), Err(NoReport::Symlink)));
    assert!(matches!(read("pipe"), Err(NoReport::NotRegular)));
    assert!(matches!(read("folder"), Err(NoReport::NotRegular)));
    assert!(matches!(read("huge"), Err(NoReport::TooLarge)));
    assert!(matches!(read("sparse"), Err(NoReport::TooLarge)));
    assert_eq!(read("good/r.xml").unwrap(), b"fine");
}

#[tokio::test]
async fn a_runs_folder_goes_whatever_was_made_of_it() {
    let bench = Bench::new().await;
    let hostile = "i=0; while [ $i -lt 1500 ]; do mkdir dddddddd && cd dddddddd; i=$((i+1)); done; \
        cd /work; mkdir shut; touch shut/x; chmod 000 shut; chmod 000 .";
    let outcome = bench.run(hostile, Limits::default()).await;
    assert_eq!(outcome.ending.exit_code, Some(0), "{outcome:?}");
    bench.folder.reopen().unwrap();
    assert_eq!(bench.says("echo again").await, "again\n");
    let kept = bench.scratch.path().join("kept");
    std::fs::write(&kept, "kept").unwrap();
    symlink(&kept, bench.folder.work().join("link")).unwrap();
    let work = bench.folder.work().to_owned();
    drop(bench.folder);
    assert!(!work.exists());
    assert!(kept.exists(), "a link is removed, not followed");
}

#[tokio::test]
async fn a_scratch_folder_that_cannot_be_reached_is_told_before_anything_runs() {
    if !verifier::sandbox::account::is_root() {
        return;
    }
    let shut = tempfile::tempdir().unwrap();
    std::fs::set_permissions(shut.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let scratch = shut.path().join("scratch");
    let refused = Sandbox::probe(site(&scratch), Account::of_slot(SLOT)).await;
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("trial box"), "{told}");
    assert!(Path::new(&scratch).exists());
}
