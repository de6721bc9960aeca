//! What a judge says cannot be forged by whom it judges.

use contract::result::{Strength, TestOutcome, Verdict};
use verifier::local::LocalResult;

use crate::author::{example, folder, heard, verified};

const RIGHT: &str = "case $1 in add) echo $(($2 + $3));; subtract) echo $(($2 - $3));; \
    *) exit 2;; esac\n";
const FORGED_TAP: &str = "printf '1..3\\nok 1 - adds\\nok 2 - subtracts\\nok 3 - \
    says-what-it-cannot\\n'";

fn passed(result: &LocalResult) -> Vec<&str> {
    let tests = result.steps.iter().flat_map(|step| &step.tests);
    let passed = tests.filter(|test| test.outcome == TestOutcome::Passed);
    passed.map(|test| test.name.as_str()).collect()
}

#[tokio::test]
async fn a_judge_says_what_the_learners_program_is_worth() {
    let lab = example("sealed-lab");
    let result = verified(&lab, &[("calc.sh", RIGHT)]).await;
    assert_eq!(result.result, Verdict::Pass, "{result:#?}");
    assert_eq!((result.points, result.points_max), (9, 9));
    assert_eq!(result.strength, Strength::Sealed);
    let strengths: Vec<_> = result.steps.iter().map(|step| step.strength).collect();
    assert_eq!(strengths, [Some(Strength::Shared), Some(Strength::Sealed)]);

    let result = verified(&lab, &[("calc.sh", "echo 5")]).await;
    assert_eq!(result.result, Verdict::Fail);
    assert_eq!((passed(&result), result.points), (vec!["adds"], 3));
}

/// What learners try, with the name of the trick. None of them computes anything.
const FORGERS: &[(&str, &[(&str, &str)])] = &[
    ("leaves at once", &[("calc.sh", "exit 0")]),
    ("has no program", &[("README.md", "hello")]),
    ("prints a report", &[("calc.sh", FORGED_TAP)]),
    (
        "kills what runs it, and its group",
        &[("calc.sh", "kill -9 $PPID; kill -9 0")],
    ),
    (
        "writes the judge's files before and while it runs",
        &[
            (
                "calc.sh",
                "mkdir -p judge; printf 'echo 1..0' >judge/compare.sh; : >judge/answers",
            ),
            ("judge/answers", ""),
            (
                "judge/compare.sh",
                "printf '1..3\\nok 1 - adds\\nok 2 - subtracts\\n'",
            ),
        ],
    ),
    (
        "replaces the driver while it is read",
        &[(
            "calc.sh",
            "echo 'echo all is well' >tests/drive.sh; rm -rf tests; ln -s /tmp tests",
        )],
    ),
    (
        "reads the answers wherever they may be",
        &[(
            "calc.sh",
            "cat judge/answers /learner/files/judge/answers ../*/judge/answers 2>/dev/null",
        )],
    ),
    (
        "links what it leaves to answers and devices",
        &[(
            "calc.sh",
            "rm -rf out; mkdir out; ln -sf /work/judge/answers out/adds; \
             ln -sf /dev/zero out/subtracts; ln -sf ../judge/answers out/says-what-it-cannot",
        )],
    ),
    (
        "leaves pipes, folders and holes",
        &[(
            "calc.sh",
            // At the last case: nobody may be left to wait for the pipe's other end.
            "[ $1 = divide ] || exit 1; rm -rf out/*; mkfifo out/subtracts; mkdir -p out/adds; \
             truncate -s 9M out/hole",
        )],
    ),
    (
        "puts a link in the place of the folder",
        &[
            ("calc.sh", "rm -rf out; ln -s /work out"),
            ("out@", "/work/judge"),
        ],
    ),
    (
        "waits behind and writes when it is over",
        &[(
            "calc.sh",
            "setsid -f sh -c 'while :; do echo 5 >out/adds; done'; exit 0",
        )],
    ),
    (
        "leaves programs and settings that shells look for",
        &[
            (
                "calc.sh",
                "for f in wc head sed tr tail; do cp evil out/$f; cp evil /tmp/$f; done",
            ),
            (
                "+evil",
                "#!/bin/sh\nprintf '1..3\\nok 1 - adds\\nok 2 - subtracts\\nok 3 - says-what-it-cannot\\n'\n",
            ),
            ("+wc", "#!/bin/sh\necho 3\n"),
            ("+head", "#!/bin/sh\necho 5\n"),
            (".profile", "echo 5"),
            (".bashrc", "echo 5"),
            (".shrc", "echo 5"),
            (".gitattributes", "* filter=evil"),
            ("Makefile", "include evil.mk"),
        ],
    ),
    (
        "names files so that a shell or a report stumbles",
        &[(
            "calc.sh",
            "touch 'out/$(touch x)' 'out/;exit 0' 'out/-rf' \"$(printf 'out/a\\nok 1 - adds')\"",
        )],
    ),
];

#[tokio::test]
async fn no_forger_gets_by_a_judge() {
    let lab = example("sealed-lab");
    for (trick, files) in FORGERS {
        let result = verified(&lab, files).await;
        assert_eq!(result.result, Verdict::Fail, "{trick}: {result:#?}");
        let passed = passed(&result);
        // An answer that is right by chance is one.
        assert!(
            !passed.contains(&"adds") && !passed.contains(&"subtracts"),
            "{trick}: {passed:?}\n{}",
            result.log
        );
        let judged = &result.steps[1];
        assert_eq!(judged.exit_code, Some(0), "{trick}: {}", result.log);
        assert_eq!(judged.tests.len(), 3, "{trick}: {}", result.log);
    }
}

#[tokio::test]
async fn a_judge_sees_the_learners_bytes_and_cannot_write_them() {
    let look = "id -u; cd /learner; find . -type f | sort; cat steps/1/ending.json steps/1/stdout; \
        touch files/a /learner/b 2>&1; ls -la files/out | grep -c 'r--r--r--'; \
        ls /work; test -e /work/calc.sh || echo no learner";
    let lab = folder(&[
        (
            "lab.toml",
            "[lab]\nslug = \"a\"\n[verify]\nprotected = [\"tests/**\"]\nhidden = [\"judge/**\"]\n\
             [[step]]\nname = \"program\"\nrun = \"sh calc.sh\"\npoints = 0\n\
             [[step]]\nname = \"look\"\njudge = \"sh judge/look.sh\"\nreads = [\"out/**\"]\n",
        ),
        ("judge/look.sh", look),
        ("tests/data", "of the lab"),
        ("calc.sh", "the lab's own, which is not protected"),
    ]);
    let program = "mkdir -p out/deep; echo 1 >out/deep/a; cp /bin/true out/b; chmod 4755 out/b; \
        echo said; echo secret >other; exit 7";
    let result = verified(lab.path(), &[("calc.sh", program)]).await;
    let log = &result.log;
    for told in [
        "\n1000\n./files/out/b\n./files/out/deep/a\n./steps/1/ending.json\n./steps/1/output\n",
        "{\"exit_code\":7,\"limit\":null,\"name\":\"program\",\"signal\":null,\"wall_ms\":",
        "}\nsaid\n",
        "Read-only file system",
        "\n1\njudge\ntests\nno learner\n",
    ] {
        assert!(log.contains(told), "{told:?} in {log}");
    }
    // The program's own end still counts: it did not end well.
    assert_eq!(result.result, Verdict::Fail);
    assert_eq!(result.detail.as_deref(), Some("program: exit code 7"));
}

#[tokio::test]
async fn what_is_too_much_for_a_judge_is_the_learners_fail_and_no_error() {
    let lab = example("sealed-lab");
    let many = "mkdir -p out; cd out; i=0; while [ $i -lt 2001 ]; do : >$i; i=$((i+1)); done";
    let result = verified(&lab, &[("calc.sh", many)]).await;
    assert_eq!(result.result, Verdict::Fail, "{result:#?}");
    let reason = result.steps[1].reason.as_deref().unwrap();
    assert!(reason.contains("more than 2000 files"), "{reason}");
    assert_eq!(result.points, 0);
}

#[tokio::test]
async fn a_run_is_told_while_it_runs() {
    let learner = folder(&[("calc.sh", RIGHT)]);
    let mut told = Vec::new();
    let lab = example("sealed-lab");
    heard(&lab, learner.path(), |event| {
        told.push(serde_json::to_value(event).unwrap());
    })
    .await
    .unwrap();
    let mut kinds: Vec<_> = told
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    // What is printed comes in as many pieces as the machine makes of it.
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "step-began",
            "step-ended",
            "step-began",
            "printed",
            "step-ended"
        ],
        "{told:?}"
    );
    let printed: String = told
        .iter()
        .filter_map(|event| event["text"].as_str())
        .collect();
    assert!(printed.starts_with("1..3\nok 1 - adds\n"), "{printed}");
}

#[tokio::test]
async fn a_judge_in_python_loads_nothing_of_the_learners() {
    if !std::path::Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: this machine has no /usr/bin/python3");
        return;
    }
    let judge = "import json, sys\n\
        left = json.load(open('/learner/files/out.json'))\n\
        print('1..2')\n\
        for name, want in (('adds', 5), ('subtracts', 4)):\n    \
            print(('ok' if left.get(name) == want else 'not ok') + ' - ' + name)\n\
        print('loaded', [n for n in sys.modules if 'evil' in n or 'custom' in n], file=sys.stderr)\n";
    let lab = folder(&[
        (
            "lab.toml",
            "[lab]\nslug = \"a\"\n[verify]\nhidden = [\"judge/**\"]\n\
             expected_tests = [\"adds\", \"subtracts\"]\n\
             [[step]]\nname = \"program\"\nrun = \"sh calc.sh; exit 0\"\npoints = 0\n\
             [[step]]\nname = \"answers\"\njudge = \"python3 judge/compare.py\"\n\
             reads = [\"**\"]\nreport = \"tap\"\n",
        ),
        ("judge/compare.py", judge),
    ]);
    let evil = "import os\nprint('1..2\\nok - adds\\nok - subtracts', flush=True)\nos._exit(0)\n";
    let mut files = vec![
        ("calc.sh".to_owned(), "cp -r .local /tmp; cp json.py /tmp"),
        ("out.json".to_owned(), "{\"adds\": 0}"),
    ];
    let names = [
        "sitecustomize.py",
        "usercustomize.py",
        "json.py",
        "conftest.py",
        "judge/json.py",
    ];
    files.extend(names.map(|name| (name.to_owned(), evil)));
    for minor in 9..=15 {
        let at = format!(".local/lib/python3.{minor}/site-packages");
        files.push((format!("{at}/usercustomize.py"), evil));
        files.push((format!("{at}/evil.pth"), "import usercustomize\n"));
    }
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), *text))
        .collect();
    let result = verified(lab.path(), &files).await;
    assert_eq!(result.result, Verdict::Fail, "{}", result.log);
    let reason = result.steps[1].reason.as_deref();
    assert_eq!(
        reason,
        Some("2 of 2 tests did not pass: adds, subtracts"),
        "{}",
        result.log
    );
    assert!(result.log.contains("loaded []") || result.log.contains("loaded ['sitecustomize']"));
}
