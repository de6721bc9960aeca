//! Statuses at a stand-in for each forge, which is as strict as they are.

use forge::provider::Provider;
use forge_api::client::Client;
use forge_api::error::ApiError;
use forge_api::status::{State, Status, set};
use process::secret::Secret;
use sample::hooks_api::mood::Mood;
use sample::status_api::{Dialect, StatusApi, TOKEN};

fn client(api: &StatusApi, token: &str) -> Client {
    Client::new(&api.url(), Some(&Secret::new(token))).unwrap()
}

fn status(state: State) -> Status {
    Status {
        state,
        context: "assay/intro".to_owned(),
        description: format!("{} of 4 points\n{}", 3, "x".repeat(400)),
        target_url: Some("https://assay.example/a?b=c".to_owned()),
    }
}

#[tokio::test]
async fn every_forge_takes_every_state_in_its_own_words() {
    for (provider, dialect, repository, words) in [
        (
            Provider::Github,
            Dialect::Github,
            "octo/hello",
            ["pending", "success", "failure", "error"],
        ),
        (
            Provider::Gitlab,
            Dialect::Gitlab,
            "course/group/hello.world",
            ["pending", "success", "failed", "canceled"],
        ),
        (
            Provider::Gitea,
            Dialect::Gitea,
            "octo/hello",
            ["pending", "success", "failure", "error"],
        ),
        (
            Provider::Forgejo,
            Dialect::Gitea,
            "octo/hello",
            ["pending", "success", "failure", "error"],
        ),
    ] {
        let api = StatusApi::start(dialect).await.unwrap();
        let client = client(&api, TOKEN);
        for state in [State::Pending, State::Success, State::Failure, State::Error] {
            let status = status(state);
            let told = set(&client, provider, repository, "c0ffee", &status).await;
            told.unwrap_or_else(|error| panic!("{provider} {state:?}: {error}"));
        }
        let posted = api.posted();
        let states: Vec<_> = posted.iter().map(|one| one.state.as_str()).collect();
        assert_eq!(states, words, "{provider}");
        let first = &posted[0];
        assert_eq!(first.repository, repository);
        assert_eq!(first.commit, "c0ffee");
        assert_eq!(first.context, "assay/intro");
        assert!(first.description.starts_with("3 of 4 points xxx"));
        let url = first.target_url.as_deref();
        assert_eq!(url, Some("https://assay.example/a?b=c"));
    }
}

#[tokio::test]
async fn what_gitlab_refuses_because_it_is_so_already_is_told_from_a_refusal() {
    let api = StatusApi::start(Dialect::Gitlab).await.unwrap();
    let client = client(&api, TOKEN);
    let told = async |status: &Status| {
        set(&client, Provider::Gitlab, "octo/hello", "c0ffee", status).await
    };
    told(&status(State::Pending)).await.unwrap();
    let again = told(&status(State::Pending)).await.unwrap_err();
    assert!(matches!(again, ApiError::Unmoved { .. }), "{again}");
    assert!(!again.is_transient());
    api.set_mood(Mood::Broken(400));
    let refused = told(&status(State::Pending)).await.unwrap_err();
    assert!(matches!(refused, ApiError::Refused { status: 400, .. }));
}

#[tokio::test]
async fn a_bad_token_a_missing_repository_and_a_path_that_climbs_are_refused() {
    let api = StatusApi::start(Dialect::Github).await.unwrap();
    let bad = client(&api, "another-token");
    let good = client(&api, TOKEN);
    let told = async |client: &Client, repository: &str| {
        let status = status(State::Pending);
        let told = set(client, Provider::Github, repository, "c0ffee", &status).await;
        told.unwrap_err()
    };
    let refused = told(&bad, "octo/hello").await;
    assert!(matches!(refused, ApiError::Refused { status: 401, .. }));
    assert!(!format!("{refused} {refused:?}").contains("another-token"));
    api.forget("octo/gone");
    let refused = told(&good, "octo/gone").await;
    assert!(matches!(refused, ApiError::NotFound { .. }), "{refused}");
    let before = api.asked();
    let refused = told(&good, "octo/../hello").await;
    assert!(matches!(refused, ApiError::NotFound { .. }), "{refused}");
    assert_eq!(api.asked(), before, "nothing was sent");
}
