//! A token gets to the forge, and nowhere else.

use std::fs;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use git::access::{Access, Login};
use git::error::GitError;
use git::origin::Origin;
use git::refs::refs;
use sample::forge::LoopbackForge;
use sample::repository::{Change, Clock};

use crate::server::{Server, reply};

const SECS_MAX: u64 = 30;
const USER: &str = "oauth2";

/// A token that no other process of this machine can have by chance.
fn token() -> String {
    format!("tok-{}-never-shown", std::process::id())
}

fn with_login(url: &str, token: &str) -> Origin {
    let login = Login::token(USER, token);
    Origin::url(url).unwrap().with_access(Access {
        login,
        ..Access::default()
    })
}

/// Where on this machine the secret shows: command lines and environments of processes.
fn shows(secret: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        for part in ["cmdline", "environ"] {
            // Processes end, and others' are closed to us.
            let Ok(bytes) = fs::read(path.join(part)) else {
                continue;
            };
            if String::from_utf8_lossy(&bytes).contains(secret) {
                found.push(path.join(part).display().to_string());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_token_goes_to_the_forge_that_asks_and_shows_nowhere() {
    let secret = token();
    let shown = Arc::new(Mutex::new(Vec::new()));
    let (looking, looked_for) = (Arc::clone(&shown), secret.clone());
    let server = Server::start(move |request| {
        // git and its helpers run now.
        looking.lock().unwrap().extend(shows(&looked_for));
        if request.to_lowercase().contains("authorization: basic") {
            reply("403 Forbidden", "", b"")
        } else {
            let ask = "WWW-Authenticate: Basic realm=\"forge\"\r\n";
            reply("401 Unauthorized", ask, b"")
        }
    })
    .await;
    let url = format!("http://{}/octo/hello.git", server.authority());
    let refused = refs(&with_login(&url, &secret), SECS_MAX)
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "the forge refuses us: 403");
    assert!(!format!("{refused:?}").contains(&secret));
    let asked = server.requests();
    assert_eq!(asked.len(), 2, "{asked:#?}");
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{secret}"));
    assert!(!asked[0].to_lowercase().contains("authorization"));
    assert!(asked[1].contains(&pair), "{asked:#?}");
    assert_eq!(*shown.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_private_repository_is_read_with_its_token_alone() {
    let folder = tempfile::tempdir().unwrap();
    let secret = token();
    let forge = LoopbackForge::start(folder.path()).await.unwrap();
    let repository = forge.create("octo/private", Clock::Fixed).await.unwrap();
    let head = repository
        .commit("main", "one", &[Change::File(b"a", b"1")])
        .await
        .unwrap();
    forge.demand(USER, &secret);
    let url = repository.clone_url();
    let found = refs(&with_login(&url, &secret), SECS_MAX).await.unwrap();
    assert_eq!(found[0].head.as_str(), head);
    for (origin, said) in [
        (Origin::url(&url).unwrap(), "the forge asks for credentials"),
        (
            with_login(&url, "wrong"),
            "the forge refused our credentials",
        ),
    ] {
        let refused = refs(&origin, SECS_MAX).await.unwrap_err();
        let GitError::SourceUnavailable { detail } = &refused else {
            panic!("{refused:?}");
        };
        assert_eq!(detail, said);
    }
    forge.stop().await.unwrap();
}

#[tokio::test]
async fn a_token_is_not_for_another_host_and_a_redirect_is_not_followed() {
    let secret = token();
    let elsewhere = Server::start(|_| {
        let ask = "WWW-Authenticate: Basic realm=\"phish\"\r\n";
        reply("401 Unauthorized", ask, b"")
    })
    .await;
    let there = elsewhere.authority();
    let server = Server::start(move |request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let to = format!("Location: http://{there}{path}\r\n");
        reply("302 Found", &to, b"")
    })
    .await;
    let url = format!("http://{}/octo/hello.git", server.authority());
    let refused = refs(&with_login(&url, &secret), SECS_MAX)
        .await
        .unwrap_err();
    assert_eq!(refused.to_string(), "the forge sends us elsewhere");
    assert_eq!(elsewhere.requests(), [""; 0]);
    assert_eq!(server.requests().len(), 1);
}
