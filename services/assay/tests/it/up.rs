//! `assay up`: the whole house in one process, killed in the middle of its work, ended in order.

use std::path::{Path, PathBuf};

use rustix::process::Signal;
use sample::delivery::{Push, sign};
use sample::forge::LoopbackForge;
use sample::lab::{FAILING, LAB as LAB_FILES, LAB_TOML, PASSING};
use sample::repository::{Change, Clock, Repository};
use serde_json::Value;
use tempfile::TempDir;
use testkit::program::{Plan, Program, Said};
use testkit::wait;

use crate::site::{SECRET, open_folder, write};

/// Learners, each of whom makes two pushes before the death.
const LEARNERS: usize = 3;
/// Pushes before the death.
const PUSHES: usize = 2 * LEARNERS;
/// How long a run takes, in seconds, as the pushed tree says: one that must be seen under way takes
/// longer than `assay status` does on a busy machine.
const QUICK: Change<'_> = Change::File(b"seconds", b"1\n");
const SLOW: Change<'_> = Change::File(b"seconds", b"5\n");

/// A data folder with the settings for it, and a forge that outlives what runs there.
struct Place {
    folder: TempDir,
    forge: LoopbackForge,
    starts: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_house_continues_where_it_was_and_a_stopped_one_leaves_nothing_behind() {
    let mut place = Place::furnish().await;
    let mut house = place.up().await;
    place.turns_a_second_owner_away(&house).await;
    let learners = place.publish().await;
    for (number, learner) in learners.iter().enumerate() {
        for (change, name) in [
            (&[PASSING, &[QUICK]].concat(), "first"),
            (&[FAILING, &[SLOW]].concat(), "second"),
        ] {
            place
                .push(learner, change, &format!("{name}-{number}"))
                .await;
        }
    }
    wait::until("some pushes are judged and others are not", async || {
        let ledger = place.ledger().await;
        let judged = number(&ledger, "passed") + number(&ledger, "failed");
        let amid = judged > 0 && number(&ledger, "running") > 0;
        amid.then_some(()).ok_or(ledger.to_string())
    })
    .await;
    house.kill();

    // At once: what the dead one started may still be dying.
    let mut house = place.up().await;
    wait::until("every push has its result", async || {
        let ledger = place.ledger().await;
        let wanted = [
            ("deliveries", PUSHES),
            ("passed", LEARNERS),
            ("failed", LEARNERS),
        ];
        let all = wanted.iter().all(|(name, count)| ledger[*name] == *count);
        all.then_some(()).ok_or(ledger.to_string())
    })
    .await;

    let last = [PASSING, &[SLOW]].concat();
    place.push(&learners[0], &last, "last").await;
    wait::until("a run of the last push is under way", async || {
        let ledger = place.ledger().await;
        (number(&ledger, "running") > 0)
            .then_some(())
            .ok_or(ledger.to_string())
    })
    .await;
    house.signal(Signal::INT);
    assert!(house.ended().await.success(), "{}", house.said());
    assert_eq!(alive_in(&place.data()), [""; 0]);
    let said = place.assay(&["status"]).await;
    assert_eq!(said.code, Some(1), "nobody is there to ask: {said:?}");

    let mut house = place.up().await;
    let ledger = place.ledger().await;
    assert_eq!(
        ledger["passed"],
        LEARNERS + 1,
        "what was under way was finished: {ledger}"
    );
    assert_eq!(ledger["deliveries"], PUSHES + 1, "{ledger}");
    let said = place.assay(&["verify-log"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    house.signal(Signal::TERM);
    assert!(house.ended().await.success(), "{}", house.said());
    assert_eq!(alive_in(&place.data()), [""; 0]);
}

impl Place {
    async fn furnish() -> Self {
        let folder = open_folder();
        let forge = LoopbackForge::start(&folder.path().join("forge")).await;
        let place = Self {
            folder,
            forge: forge.unwrap(),
            starts: 0,
        };
        let secret = place.folder.path().join("webhook");
        write(&secret, std::str::from_utf8(SECRET).unwrap());
        let settings = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n\n[health]\nlisten = \"127.0.0.1:0\"\n\n\
             [sources.github]\nprovider = \"github\"\nfetch_url = \"{}\"\n\
             secrets = [{{ name = \"first\", file = \"{}\" }}]\n",
            place.forge.fetch_url_template(),
            secret.display(),
        );
        write(&place.folder.path().join("up.toml"), &settings);
        place
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the house and waits until it says that it is up.
    async fn up(&mut self) -> Program {
        self.starts += 1;
        let log = self.folder.path().join(format!("up-{}.log", self.starts));
        let house = self.plan(&["--config", "up.toml", "up"]).start(&log);
        wait::until("the house is up", async || {
            let said = house.said();
            said.contains("Assay is up.").then_some(()).ok_or(said)
        })
        .await;
        house
    }

    async fn turns_a_second_owner_away(&self, first: &Program) {
        let second = self.plan(&["--config", "up.toml", "up"]).run().await;
        assert_eq!(second.code, Some(1), "{second:?}");
        let owner = format!("in use by process {}", first.id());
        assert!(second.err.contains(&owner), "{second:?}");
        assert_eq!(
            number(&self.ledger().await, "deliveries"),
            0,
            "the first goes on"
        );
    }

    /// A lab whose run takes as long as the tree says, and the repositories of its learners.
    async fn publish(&self) -> Vec<Repository> {
        let toml = LAB_TOML.replacen(
            "sh tests/run.sh",
            "sleep $(cat seconds); sh tests/run.sh",
            1,
        );
        let files = [
            &LAB_FILES[1..],
            &[Change::File(b"lab.toml", toml.as_bytes()), QUICK],
        ]
        .concat();
        let lab = self.forge.create("labs/slow", Clock::Fixed).await.unwrap();
        lab.commit("main", "Write the lab", &files).await.unwrap();
        let said = self.assay(&["lab", "publish", &lab.clone_url()]).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        let mut learners = Vec::new();
        for number in 0..LEARNERS {
            let name = format!("course-2026/intro-learner-{number}");
            let learner = self.forge.create(&name, Clock::Fixed).await.unwrap();
            learner.commit("main", &name, &files).await.unwrap();
            learners.push(learner);
        }
        learners
    }

    async fn push(&self, learner: &Repository, change: &[Change<'_>], forge_id: &str) {
        let before = learner.head("main").await.unwrap();
        let after = learner.commit("main", forge_id, change).await.unwrap();
        let push = Push {
            branch: "main",
            before: Some(&before),
            after: Some(&after),
        };
        let payload = push.payload(learner).await.unwrap();
        let signed = sign("push", forge_id, &payload, SECRET);
        let url = format!("http://{}/hooks/github", self.hooks());
        let mut request = reqwest::Client::new().post(url).body(signed.body);
        for (name, value) in signed.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), reqwest::StatusCode::ACCEPTED);
    }

    /// Where the running house takes webhooks.
    fn hooks(&self) -> String {
        let running = std::fs::read_to_string(self.data().join("running.toml")).unwrap();
        let running: toml::Table = toml::from_str(&running).unwrap();
        running["http"]["listen"].as_str().unwrap().to_owned()
    }

    /// The counts of `assay status`.
    async fn ledger(&self) -> Value {
        let said = self.assay(&["status", "--json"]).await;
        let status: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
        status["ledger"].clone()
    }

    /// Runs a command beside the house.
    async fn assay(&self, arguments: &[&str]) -> Said {
        self.plan(arguments).run().await
    }

    fn plan(&self, arguments: &[&str]) -> Plan<'_> {
        let mut all = vec!["--data".to_owned(), self.data().display().to_string()];
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        Plan {
            program: env!("CARGO_BIN_EXE_assay").into(),
            arguments: all,
            variables: Vec::new(),
            folder: self.folder.path(),
        }
    }
}

fn number(ledger: &Value, name: &str) -> u64 {
    ledger[name]
        .as_u64()
        .unwrap_or_else(|| panic!("{name} in {ledger}"))
}

/// The command lines of processes that work in a folder or were told of it. What ended has none,
/// be it reaped or not.
fn alive_in(folder: &Path) -> Vec<String> {
    let mut alive = Vec::new();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes.map(|entry| entry.path()) {
        let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let works = std::fs::read_link(process.join("cwd"));
        let is_there = works.is_ok_and(|place| place.starts_with(folder));
        if !line.is_empty() && (is_there || line.contains(&*folder.to_string_lossy())) {
            alive.push(line);
        }
    }
    alive
}
