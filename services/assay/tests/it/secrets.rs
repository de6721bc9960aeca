//! No secret is ever shown: in no line of the log, no answer, no metric, no reason for a refusal.

use process::settings::service::Service;
use reqwest::StatusCode;
use sample::delivery::sign;
use serde_json::{Value, json};
use testkit::house::House;
use testkit::wait;

use crate::site::{Site, write};

/// The service that is tested has no database.
const NO_LEDGER: &str = "postgres://assay_owner@127.0.0.1:1/assay";

/// What must not be seen, nor any part of it that says it.
const PLANTED: &str = "planted-7c2f51d09ae84b63";
const PART: &str = "7c2f51d09ae8";

/// Posts to a source; gives everything that came back.
async fn post(site: &Site, source: &str, headers: &[(&str, &str)], body: String) -> String {
    let url = site.hooks_url().replace("github", source);
    let mut request = site.client.post(url).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    format!(
        "{} {:?} {}",
        answer.status(),
        answer.headers().clone(),
        answer.text().await.unwrap()
    )
}

/// Waits until the note beside the sources holds a word; gives all that is said of readiness.
async fn until_noted(site: &Site, word: &str) -> String {
    wait::until(&format!("it says {word}"), async || {
        let (_, ready) = site.ask(Service::WebhookIngest, "/ready").await?;
        let note = ready.split("\"sources\"").nth(1).unwrap_or_default();
        if note.contains(word) {
            Ok(ready.clone())
        } else {
            Err(ready.clone())
        }
    })
    .await
}

/// Accepted and refused requests, in every way that comes near a secret; gives the answers.
async fn requests(site: &Site, payload: &Value) -> Vec<String> {
    let mut said = Vec::new();
    let signed = sign("push", "d", payload, PLANTED.as_bytes());
    said.push(
        site.answers("good", &signed, StatusCode::ACCEPTED)
            .await
            .to_string(),
    );
    let wrong = sign("push", "d", payload, b"wrong");
    said.push(
        site.answers("wrong", &wrong, StatusCode::UNAUTHORIZED)
            .await
            .to_string(),
    );
    let event = ("x-gitlab-event", "Push Hook");
    let content = ("content-type", "application/json");
    for token in [PLANTED, &PLANTED[..20], "wrong", ""] {
        let headers = [
            event,
            content,
            ("x-gitlab-token", token),
            ("idempotency-key", "i"),
        ];
        said.push(post(site, "lab", &headers, payload.to_string()).await);
    }
    said.push(post(site, "elsewhere", &[content], PLANTED.to_owned()).await);
    said.push(post(site, "github", &[content], "x".repeat(5_000)).await);
    said
}

/// Bad configurations, read while it runs and asked about by the operator; gives what is said.
async fn bad_configurations(site: &Site, good: &str) -> Vec<String> {
    let mut said = Vec::new();
    let folder = site.folder().display().to_string();
    let line = format!("secrets = [{{ name = \"first\", file = \"{folder}/webhook\" }}]");
    let instead = |entry: &str| good.replace(&line, entry);
    for (bad, word) in [
        (format!("[sources\n{PLANTED}"), "assay.toml:1"),
        (instead(&format!("secrets = \"{PLANTED}\"")), "secrets"),
        (
            instead(&format!(
                "secrets = [{{ name = \"a\", value = \"{PLANTED}\" }}]"
            )),
            "value",
        ),
        (instead(&format!("rate = \"{PLANTED}\"\n{line}")), "rate"),
        (
            good.replace("\"gitlab\"", &format!("\"{PLANTED}\"")),
            "provider",
        ),
    ] {
        write(&site.config(), &bad);
        said.push(until_noted(site, word).await);
        let checked = site.assay(&["config", "check"]).await;
        assert_eq!(checked.code, Some(64), "{checked:?}");
        said.extend([checked.out, checked.err]);
    }
    said
}

#[tokio::test]
async fn a_planted_secret_is_found_in_nothing_that_is_said() {
    let more = "[telemetry]\nlevel = \"trace\"\n[ingest]\nbody_bytes_max = 4096\n\
                [sources.lab]\nprovider = \"gitlab\"\n\
                fetch_url = \"https://forge.example/{full_name}.git\"\n\
                secrets = [{ name = \"token\", file = \"FOLDER/webhook\" }]\n";
    let mut site = Site::furnish_with(House::with_nats().await, NO_LEDGER, "").await;
    let folder = site.folder().display().to_string();
    let secret = site.folder().join("webhook");
    write(&secret, PLANTED);
    let settings = std::fs::read_to_string(site.config()).unwrap();
    let good = format!("{settings}\n{}", more.replace("FOLDER", &folder));
    write(&site.config(), &good);
    site.start_one(Service::WebhookIngest);
    site.until_ready(Service::WebhookIngest).await;
    let mut said = Vec::new();

    let payload = json!({ "ref": "refs/heads/main" });
    said.extend(requests(&site, &payload).await);
    said.extend(bad_configurations(&site, &good).await);
    write(&site.config(), &good);
    write(&secret, &PLANTED[..15]);
    said.push(until_noted(&site, "16 bytes").await);
    std::fs::remove_file(&secret).unwrap();
    said.push(until_noted(&site, "cannot be read").await);
    write(&secret, &format!("{PLANTED}-next\n"));
    let next = sign("push", "e", &payload, format!("{PLANTED}-next").as_bytes());
    wait::until("the next one is live", async || {
        match site.post(&next).await.unwrap() {
            (StatusCode::ACCEPTED, _) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;

    for path in ["/metrics", "/ready"] {
        said.push(site.ask(Service::WebhookIngest, path).await.unwrap().1);
    }
    site.stop(Service::WebhookIngest).await;
    let log = std::fs::read_to_string(site.folder().join("webhook-ingest.log")).unwrap();
    assert!(log.contains("the changed settings are not used"), "{log}");
    said.push(log);
    for text in said {
        let at = text.find(PART);
        let near = at.map(|at| &text[at.saturating_sub(300)..(at + 100).min(text.len())]);
        assert_eq!(near, None);
    }
}
