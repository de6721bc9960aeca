//! Labs whose steps go wrong in each way, and labs that are not published at all.

use sample::lab::{LAB as LAB_FILES, LAB_TOML};
use sample::repository::{Change, Clock, Repository};

use crate::site::Site;

/// A step that goes wrong, and what its result must say: the lab's limits and command, then the
/// step's limit and signal, and the reason that a learner reads.
struct Wrong {
    slug: &'static str,
    run: &'static str,
    limit: Option<&'static str>,
    signal: Option<i64>,
    reason: &'static str,
}

const WRONG: [Wrong; 5] = [
    Wrong {
        slug: "runs-for-ever",
        run: "sleep 1000",
        limit: Some("wall"),
        signal: None,
        reason: "stopped at the limit of 2 s",
    },
    Wrong {
        slug: "computes-for-ever",
        run: "while :; do :; done",
        limit: Some("cpu"),
        signal: None,
        reason: "stopped at the limit of 1 s of processor time",
    },
    Wrong {
        slug: "prints-without-end",
        run: "yes",
        limit: Some("output"),
        signal: None,
        reason: "stopped at the limit of 64 KiB of output",
    },
    Wrong {
        slug: "exits-by-signal",
        run: "kill -SEGV $$",
        limit: None,
        signal: Some(11),
        reason: "ended by signal 11",
    },
    Wrong {
        slug: "exits-with-a-code",
        run: "exit 7",
        limit: None,
        signal: None,
        reason: "exit code 7",
    },
];

fn lab_toml(slug: &str, run: &str) -> String {
    format!(
        "[lab]\nslug = \"{slug}\"\ntitle = \"A lab\"\n\n\
         [session]\nenrol = [\"github:wrong/{slug}\"]\n\n\
         [limits]\nwall_seconds = {wall}\ncpu_seconds = 1\noutput_kib = 64\n\n\
         [[step]]\nname = \"the step\"\nrun = \"{run}\"\nreport = \"exit-code\"\npoints = 5\n",
        // On a loaded machine everything takes longer than a second of the clock.
        wall = if run.starts_with("sleep") { 2 } else { 60 },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_goes_wrong_is_a_fail_that_names_what_stopped_it() {
    let mut site = Site::start().await;
    let mut posted = Vec::new();
    for wrong in &WRONG {
        let toml = lab_toml(wrong.slug, wrong.run);
        let lab = repository(&site, &format!("labs/{}", wrong.slug), &toml).await;
        site.assay_ok(&["lab", "publish", &lab.clone_url()]).await;
        let learner = repository(&site, &format!("wrong/{}", wrong.slug), &toml).await;
        let change = Change::File(b"answer.txt", b"42\n");
        posted.push(site.push(&learner, &[change]).await);
    }
    for (wrong, posted) in WRONG.iter().zip(&posted) {
        let seen = site.until_judged(posted).await;
        let result = &seen["verifications"][0];
        assert_eq!(result["result"], "fail", "{}: {result}", wrong.slug);
        assert_eq!(result["points"], 0, "{}: {result}", wrong.slug);
        let step = &result["steps"][0];
        assert_eq!(step["limit"].as_str(), wrong.limit, "{step}");
        if wrong.limit.is_none() {
            assert_eq!(step["signal"].as_i64(), wrong.signal, "{step}");
        }
        let detail = result["detail"].as_str().unwrap();
        assert_eq!(detail, format!("the step: {}", wrong.reason));
    }
    site.stop_all().await;
    site.assay_ok(&["verify-log"]).await;
}

/// What is replaced in the sample's `lab.toml`, by what, and what the refusal says.
const MISTAKES: [(&str, &str, &str); 8] = [
    ("[lab]", "[lab", "lab.toml:1:"),
    ("title =", "titel =", "lab.toml:3:1: unknown key `titel`"),
    ("slug = \"calculator\"", "", "missing key `slug`"),
    ("wall_seconds = 20", "wall_seconds = 0", "lab.toml:15:"),
    (
        "wall_seconds = 20",
        "wall_seconds = \"long\"",
        "lab.toml:15:",
    ),
    ("\"tests/**\"", "\"/etc/**\"", "lab.toml:11:"),
    ("\"tests/**\"", "\"../**\"", "lab.toml:11:"),
    ("junit:report.xml", "junit:/report.xml", "lab.toml:25:"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_with_a_mistake_is_refused_with_its_file_line_and_reason() {
    let site = Site::start().await;
    for (right, wrong, said) in MISTAKES {
        assert!(
            LAB_TOML.contains(right),
            "{right:?} is in the sample's lab.toml"
        );
        let toml = LAB_TOML.replacen(right, wrong, 1);
        let lab = repository(&site, "labs/mistaken", &toml).await;
        is_refused(&site, &lab.clone_url(), said).await;
    }
    let toml = LAB_TOML.replacen("sh tests/run.sh", "sh tests/none.sh", 1);
    let lab = repository(&site, "labs/mistaken", &toml).await;
    is_refused(&site, &lab.clone_url(), "lab.toml: the step").await;
    let none = site.forge.create("labs/none", Clock::Fixed).await.unwrap();
    none.commit("main", "Empty", &[Change::File(b"README.md", b"\n")])
        .await
        .unwrap();
    is_refused(&site, &none.clone_url(), "there is no lab.toml").await;
    let unknown = format!("{}/labs/unknown.git", site.forge.url());
    is_refused(&site, &unknown, "the repository cannot be read").await;
    let branch = [
        "lab",
        "publish",
        &lab.clone_url(),
        "--ref",
        "no-such-branch",
    ];
    let said = site.assay(&branch).await;
    assert_eq!(said.code, Some(1), "{said:?}");

    assert_eq!(
        site.assay_ok(&["lab", "list"])
            .await
            .matches("calculator")
            .count(),
        0
    );
    // A refusal is an outcome.
    site.misses_nothing(0).await;
}

async fn is_refused(site: &Site, location: &str, why: &str) {
    let said = site.assay(&["lab", "publish", location]).await;
    assert_eq!(said.code, Some(1), "{why}: {said:?}");
    assert!(said.err.starts_with("refused: "), "{why}: {said:?}");
    assert!(said.err.contains(why), "{why:?} is not in {said:?}");
}

/// A repository with the sample's files and this `lab.toml`.
async fn repository(site: &Site, full_name: &str, toml: &str) -> Repository {
    let repository = site.forge.create(full_name, Clock::Fixed).await.unwrap();
    let written = Change::File(b"lab.toml", toml.as_bytes());
    let files = [&LAB_FILES[1..], &[written]].concat();
    repository.commit("main", "Write it", &files).await.unwrap();
    repository
}
