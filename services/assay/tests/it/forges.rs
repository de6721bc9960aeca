//! Every forge that is understood: a push in each one's words goes through the whole house.

use reqwest::StatusCode;
use sample::delivery::Push;
use sample::dialect::{Dialect, Envelope};
use sample::repository::{Change, Repository};
use serde_json::{Value, json};
use testkit::house::House;
use testkit::wait;
use uuid::Uuid;

use crate::push::{LEARNER, Posted};
use crate::site::{Site, write};

/// Commits of the push: more than Gitea and Bitbucket list.
const COMMITS: u8 = 7;

/// The source of a dialect: two of GitLab's.
fn source(dialect: Dialect) -> String {
    format!("{dialect:?}").to_lowercase()
}

pub(crate) fn repository(dialect: Dialect) -> String {
    format!("{}:{LEARNER}", source(dialect))
}

/// A source for each dialect, all of the one forge on the loopback.
pub(crate) fn add_sources(site: &Site) {
    let mut settings = std::fs::read_to_string(site.config()).unwrap();
    for dialect in Dialect::ALL {
        let (name, provider) = (source(dialect), dialect.provider());
        let secret = site.folder().join(format!("secret-of-{name}"));
        write(&secret, dialect.example_secret());
        if dialect == Dialect::Github {
            // The site has it already, with its own secret.
            continue;
        }
        let fetch = site.forge.fetch_url_template();
        settings.push_str(&format!(
            "\n[sources.{name}]\nprovider = \"{provider}\"\nfetch_url = \"{fetch}\"\n\
             secrets = [{{ name = \"first\", file = \"{}\" }}]\n",
            secret.display()
        ));
    }
    write(&site.config(), &settings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_of_every_forge_is_recorded_whole_and_judged() {
    let mut site = Site::furnish(House::start().await, "").await;
    add_sources(&site);
    site.start_all().await;
    let (_lab, learner) = site.publish_lab().await;
    let starting = learner.head("main").await.unwrap();
    for dialect in Dialect::ALL {
        let repository = repository(dialect);
        let opening = [
            "session",
            "open",
            "--lab",
            "calculator",
            "--repository",
            &repository,
        ];
        site.assay_ok(&[&opening[..], &["--starting", &starting]].concat())
            .await;
    }
    let head = commits(&learner).await;
    for dialect in Dialect::ALL {
        let posted = post(&site, dialect, &learner, &starting, &head).await;
        let seen = site.until_judged(&posted).await;
        assert!(
            seen["verifications"][0]["result"].is_string(),
            "{dialect:?}: {seen}"
        );
        let again = answer(&site, dialect, &posted).await;
        assert_eq!(again["duplicate"], true, "{dialect:?}: {again}");
        assert_eq!(again["delivery"], posted.receipt["delivery"]);
        all_commits_are_attempts(&site, dialect).await;
    }
    keeps_no_secret(&site).await;
    site.misses_nothing(0).await;
    site.stop_all().await;
    site.assay_ok(&["verify-log"]).await;
}

/// Makes the commits, and gives the last.
async fn commits(learner: &Repository) -> String {
    let mut head = String::new();
    for number in 0..COMMITS {
        let change = Change::File(b"notes.txt", &[b'a' + number]);
        head = learner.commit("main", "A change", &[change]).await.unwrap();
    }
    head
}

async fn post(
    site: &Site,
    dialect: Dialect,
    learner: &Repository,
    before: &str,
    head: &str,
) -> Posted {
    let push = Push {
        branch: "main",
        before: Some(before),
        after: Some(head),
    };
    post_push(site, dialect, learner, push).await
}

/// Posts a push as a forge tells of it, for the first time.
pub(crate) async fn post_push(
    site: &Site,
    dialect: Dialect,
    learner: &Repository,
    push: Push<'_>,
) -> Posted {
    let forge_id = Uuid::now_v7().to_string();
    let secret = match dialect {
        Dialect::Github => std::str::from_utf8(crate::site::SECRET).unwrap(),
        other => other.example_secret(),
    };
    let sent_at = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let envelope = Envelope {
        delivery: &forge_id,
        secret,
        sent_at: sent_at.as_secs(),
    };
    let before = push.before.unwrap_or_default().to_owned();
    let head = push.after.unwrap_or_default().to_owned();
    let signed = dialect.push(learner, push, envelope).await.unwrap();
    let mut posted = Posted {
        forge_id,
        signed,
        before,
        head,
        status: StatusCode::ACCEPTED,
        receipt: Value::Null,
    };
    posted.receipt = answer(site, dialect, &posted).await;
    assert_eq!(posted.receipt["duplicate"], false, "{dialect:?}");
    posted
}

/// Posts a delivery to its own source.
async fn answer(site: &Site, dialect: Dialect, posted: &Posted) -> Value {
    let url = site
        .hooks_url()
        .replace("/github", &format!("/{}", source(dialect)));
    let mut request = site.client.post(url).body(posted.signed.body.clone());
    for (name, value) in &posted.signed.headers {
        request = request.header(*name, value);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{dialect:?}: {body}");
    body
}

/// What the payload left out was found in git.
async fn all_commits_are_attempts(site: &Site, dialect: Dialect) {
    let query = format!(
        "SELECT count(DISTINCT a.commit_sha) FROM lab_attempt a
         JOIN lab_session s ON s.id = a.lab_session_id WHERE s.repository = '{}'",
        repository(dialect)
    );
    wait::until("every commit is an attempt", async || {
        let attempts = site.house.number(&query).await;
        (attempts == i64::from(COMMITS))
            .then_some(())
            .ok_or(format!("{dialect:?}: {attempts}"))
    })
    .await;
}

/// The headers that were kept prove the secret, and do not say it.
async fn keeps_no_secret(site: &Site) {
    let bodies = site.bodies().await;
    assert_eq!(bodies.len(), Dialect::ALL.len());
    for (row, headers) in bodies {
        let query = format!(
            "SELECT source FROM delivery WHERE id = '{}'",
            row.delivery_id
        );
        let told: Value = serde_json::from_str(&site.house.rows(&query).await[0]).unwrap();
        let row = json!({ "source": told["source"], "headers": headers }).to_string();
        for dialect in Dialect::ALL {
            assert!(!row.contains(dialect.example_secret()), "{row}");
        }
        let row: Value = serde_json::from_str(&row).unwrap();
        let of_token = &row["headers"]["x-gitlab-token-hmac-sha256"];
        let expected = row["source"] == json!(source(Dialect::GitlabToken));
        // The other one's token stands beside a signature, and is not kept as it is either.
        let signed = row["source"] == json!(source(Dialect::GitlabSigned));
        assert_eq!(of_token.is_string(), expected || signed, "{row}");
    }
}
