//! Pushes of 5,000 commits, as much of them listed as each forge lists.

use sample::dialect::Dialect;

use crate::commits::all_are_attempts;

#[tokio::test(flavor = "multi_thread")]
async fn github_lists_2048_of_5000_commits_and_each_is_an_attempt() {
    all_are_attempts(Dialect::Github, 5_000, 2_048, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gitlab_lists_20_of_5000_commits_and_each_is_an_attempt() {
    all_are_attempts(Dialect::GitlabToken, 5_000, 20, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bitbucket_lists_5_of_5000_commits_and_each_is_an_attempt() {
    all_are_attempts(Dialect::Bitbucket, 5_000, 5, true).await;
}
