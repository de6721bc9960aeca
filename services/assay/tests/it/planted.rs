//! What a whole house leaves behind (logs, answers, metrics, tables, streams, audit entries) holds no
//! secret and nothing that names a person.

use process::settings::service::Service;
use reqwest::StatusCode;
use sample::delivery::{SENDER_LOGIN, sign};
use sample::lab::{FAILING, PASSING};
use sample::repository::{AUTHOR_EMAIL, AUTHOR_NAME};
use serde_json::{Value, json};

use crate::push::LEARNER;
use crate::site::Site;

/// Files of secrets, in the site's folder.
const SECRETS: [&str; 6] = [
    "webhook",
    "nats-attempt-writer",
    "nats-operator",
    "pseudonym",
    "privacy-master",
    "log-signing",
];
/// What names the person who pushes.
const PERSON: [&str; 3] = [AUTHOR_NAME, AUTHOR_EMAIL, SENDER_LOGIN];
/// Streams whose messages are ours to write: the others carry what the forge sent, in transit.
const OURS: [&str; 4] = ["JOBS", "COMMANDS", "AUDIT", "FACTS"];
const ALL: [&str; 6] = ["JOBS", "COMMANDS", "AUDIT", "FACTS", "DELIVERIES", "DEAD"];

/// Something that was left, and where.
struct Left {
    place: String,
    text: String,
}

/// Everything that happens to a house here: a lab, pushes that pass and fail, repeats, refusals,
/// poison, orders.
async fn live(site: &Site) {
    let (_lab, learner) = site.publish_lab().await;
    let starting = learner.head("main").await.unwrap();
    let repository = format!("github:{LEARNER}");
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
    for changes in [PASSING, FAILING] {
        let posted = site.push(&learner, changes).await;
        site.until_judged(&posted).await;
        let again = site
            .answers("a repeat", &posted.signed, StatusCode::ACCEPTED)
            .await;
        assert_eq!(again["duplicate"], true);
    }
    let payload = json!({ "ref": "refs/heads/main", "pusher": { "name": SENDER_LOGIN } });
    let unsigned = sign("push", "unsigned", &payload, b"another secret altogether");
    site.answers("unsigned", &unsigned, StatusCode::UNAUTHORIZED)
        .await;
    let poison = sign("push", "poison", &payload, crate::site::SECRET);
    site.answers("poison", &poison, StatusCode::ACCEPTED).await;
    site.assay_ok(&["topology", "apply", "--reason", "a look"])
        .await;
    let command = [
        "reprocess",
        "--lab",
        "calculator",
        "--result",
        "fail",
        "--reason",
        "a look",
    ];
    site.assay(&command).await;
    site.until_dead(1).await;
}

/// What the services say while they live, and then what they leave.
async fn left(site: &mut Site) -> Vec<Left> {
    let mut left = Vec::new();
    for service in Service::ALL {
        for path in ["/metrics", "/ready", "/live"] {
            let (_, text) = site.ask(service, path).await.unwrap();
            let place = format!("{path} of {service}");
            left.push(Left { place, text });
        }
    }
    for arguments in [
        &["status"][..],
        &["completeness"],
        &["dead", "list"],
        &["results", "--lab", "calculator"],
    ] {
        let said = site.assay(arguments).await;
        let place = format!("assay {arguments:?}");
        left.push(Left {
            place,
            text: said.out + &said.err,
        });
    }
    site.stop_all().await;
    for service in Service::ALL {
        let log = site.folder().join(format!("{service}.log"));
        let text = std::fs::read_to_string(&log).unwrap();
        let place = format!("the log of {service}");
        left.push(Left { place, text });
    }
    left
}

async fn tables(site: &Site) -> Vec<Left> {
    let names = "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables \
        WHERE schemaname IN ('public', 'privacy', 'work')";
    let mut left = Vec::new();
    for row in site.house.rows(names).await {
        let row: Value = serde_json::from_str(&row).unwrap();
        let place = row["name"].as_str().unwrap().to_owned();
        let text = site
            .house
            .rows(&format!("SELECT * FROM {place}"))
            .await
            .join("\n");
        left.push(Left { place, text });
    }
    left
}

async fn streams(site: &Site, names: &[&str]) -> Vec<Left> {
    let mut left = Vec::new();
    for name in names {
        let messages = site.house.messages(name).await;
        let text = |(id, body): (String, Vec<u8>)| id + " " + &String::from_utf8_lossy(&body);
        let text: Vec<String> = messages.into_iter().map(text).collect();
        let place = format!("the stream {name}");
        left.push(Left {
            place,
            text: text.join("\n"),
        });
    }
    left
}

/// Nothing that was left holds what was planted, as text or as the bytes of a column.
fn holds_nothing(left: &[Left], planted: &[&str]) {
    for Left { place, text } in left {
        for (number, secret) in planted.iter().enumerate() {
            for form in [(*secret).to_owned(), hex::encode(secret)] {
                // The text around it would show it.
                assert!(
                    !text.contains(&form),
                    "{place} holds what was planted as {number}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_house_leaves_behind_names_nobody_and_holds_no_secret() {
    let mut site = Site::start().await;
    live(&site).await;
    let mut left = left(&mut site).await;
    let read = |name: &str| std::fs::read_to_string(site.folder().join(name)).unwrap();
    let secrets = SECRETS.map(|name| read(name).trim().to_owned());
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    assert!(
        secrets.iter().all(|secret| secret.len() >= 16),
        "short ones are found by chance"
    );
    left.extend(tables(&site).await);
    assert!(left.len() > 60, "{} places were looked at", left.len());
    let all = streams(&site, &ALL).await;
    holds_nothing(&all, &secrets);
    holds_nothing(&streams(&site, &OURS).await, &PERSON);
    holds_nothing(&left, &secrets);
    holds_nothing(&left, &PERSON);
    let actions = site.house.entries_are_by_the_schema().await;
    for action in [
        "delivery-recorded",
        "delivery-repeated",
        "verification-recorded",
        "topology-applied",
    ] {
        assert!(
            actions.iter().any(|found| found == action),
            "{action} of {actions:?}"
        );
    }
}
