//! Servers that send us elsewhere without a redirect, or never end.

use git::error::GitError;
use git::origin::Origin;
use git::program::{Bounds, Reach, git, outside};
use git::refs::refs;
use git::running::Running;

use crate::server::{Server, advertisement, reply};

/// Longest wait of these tests, in seconds.
const SECS_MAX: u64 = 60;
/// Most bytes of a command's answer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

#[tokio::test]
async fn the_alternates_of_a_dumb_server_lead_nowhere() {
    let elsewhere = Server::start(|_| reply("404 Not Found", "", b"")).await;
    let other = format!("http://{}/metadata/\n", elsewhere.authority());
    let wanted = "a".repeat(40);
    let listed = format!("{wanted}\trefs/heads/main\n");
    let server = Server::start(move |request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path.contains("/info/refs") {
            reply("200 OK", "Content-Type: text/plain\r\n", listed.as_bytes())
        } else if path.ends_with("/HEAD") {
            reply("200 OK", "", b"ref: refs/heads/main\n")
        } else if path.ends_with("alternates") {
            reply("200 OK", "", other.as_bytes())
        } else {
            reply("404 Not Found", "", b"")
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("c.git");
    let url = format!("http://{}/octo/hello.git", server.authority());
    let origin = Origin::url(&url).unwrap();
    let route = origin.route().await.unwrap().unwrap();
    let bounds = Bounds::default();
    let mut init = git(&cache, Reach::Cache, bounds);
    init.args(["init", "--quiet", "--bare", "--template="]);
    let made = Running::start(&mut init).unwrap();
    made.finish(SECS_MAX, ANSWER_BYTES_MAX).await.unwrap();
    let reach = Reach::Forge(&route);
    let mut fetch = git(&cache, reach, bounds);
    fetch.args(["fetch", "--quiet", "--", &url, &wanted]);
    let running = Running::start_for(&mut fetch, reach).await.unwrap();
    let ended = running.finish(SECS_MAX, ANSWER_BYTES_MAX).await.unwrap();
    assert!(!ended.status.success(), "{ended:?}");
    let asked = server.requests();
    assert!(
        asked.iter().any(|request| request.contains("alternates")),
        "the trap was not reached: {asked:#?}"
    );
    assert_eq!(elsewhere.requests(), [""; 0]);
}

#[tokio::test]
async fn a_list_of_refs_without_end_is_cut_off() {
    // The first version's list comes before anything is asked for; git holds all of it.
    let line = format!("{} refs/heads/{}", "a".repeat(40), "b".repeat(900));
    let packet = format!("{:04x}{line}\n", line.len() + 5);
    let server = Server::start(move |request| {
        if !request.contains("/info/refs") {
            return reply("404 Not Found", "", b"");
        }
        let begin = b"001e# service=git-upload-pack\n0000".to_vec();
        advertisement(&[begin, packet.repeat(20_000).into_bytes(), b"0000".to_vec()].concat())
    })
    .await;
    let url = format!("http://{}/octo/hello.git", server.authority());
    let refused = refs(&Origin::url(&url).unwrap(), SECS_MAX)
        .await
        .unwrap_err();
    let GitError::Refused { detail } = refused else {
        panic!("{refused:?}");
    };
    assert!(detail.contains("more branches and tags"), "{detail}");
}

#[tokio::test]
async fn what_a_forge_says_of_itself_is_no_fault_of_ours() {
    let error = "ERR No space left on device\n";
    let packet = format!("{:04x}{error}", error.len() + 4);
    let server = Server::start(move |_| advertisement(packet.as_bytes())).await;
    let url = format!("http://{}/octo/hello.git", server.authority());
    let refused = refs(&Origin::url(&url).unwrap(), SECS_MAX)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, GitError::SourceUnavailable { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn git_reads_no_configuration_and_has_no_environment_of_ours() {
    let mut command = outside(Reach::Cache, Bounds::default());
    command
        .current_dir("/")
        .args(["config", "--list", "--show-origin"]);
    let running = Running::start(&mut command).unwrap();
    let ended = running.finish(SECS_MAX, ANSWER_BYTES_MAX).await.unwrap();
    let text = String::from_utf8(ended.output).unwrap();
    let others: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("command line:"))
        .collect();
    assert_eq!(others, [""; 0], "only what the command line says counts");
    for set in [
        "core.hookspath=/dev/null",
        "http.followredirects=false",
        "protocol.allow=never",
        "fetch.fsckobjects=true",
    ] {
        assert!(text.contains(set), "{set}: {text}");
    }
    let names: Vec<_> = command
        .as_std()
        .get_envs()
        .map(|(name, _)| name.to_str().unwrap())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| name.starts_with("GIT_") || ["PATH", "HOME", "LC_ALL"].contains(name)),
        "{names:?}"
    );
}
