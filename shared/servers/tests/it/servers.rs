//! What an owner can do with its servers.

use std::path::Path;
use std::sync::Arc;

use servers::error::ServerError;
use servers::folder::{self, DataFolder};
use servers::nats::{NatsSettings, PrivateNats};
use servers::postgres::{Durability, PostgresSettings, PrivatePostgres, cluster_folder};

use crate::talk;

async fn nats(data: &Arc<DataFolder>) -> PrivateNats {
    PrivateNats::start(data, NatsSettings::default())
        .await
        .unwrap()
}

async fn postgres(data: &Arc<DataFolder>) -> PrivatePostgres {
    let settings = PostgresSettings::new(Durability::ForTests, 10);
    PrivatePostgres::start(data, settings).await.unwrap()
}

/// A folder that everybody may pass through, as Postgres must when the test runs as root.
fn open(temp: &Path) -> Arc<DataFolder> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(temp, std::fs::Permissions::from_mode(0o711)).unwrap();
    DataFolder::open(&temp.join("data")).unwrap()
}

#[tokio::test]
async fn a_cluster_that_keeps_its_data_has_the_files_of_its_log_before_they_are_needed() {
    let temp = tempfile::tempdir().unwrap();
    let data = open(temp.path());
    let settings = PostgresSettings::new(Durability::Durable, 10);
    let mut postgres = PrivatePostgres::start(&data, settings).await.unwrap();
    postgres.stop().await.unwrap();
    let log = cluster_folder(&data).unwrap().join("pg_wal");
    let files = std::fs::read_dir(log).unwrap().map(Result::unwrap);
    // Those before the last checkpoint are named anew, for what comes.
    let made = files.filter(|file| file.metadata().unwrap().len() == 1024 * 1024);
    assert!(made.count() > 400);
}

#[tokio::test]
async fn nats_comes_back_on_the_same_address_after_a_kill() {
    let temp = tempfile::tempdir().unwrap();
    let data = open(temp.path());
    let mut nats = nats(&data).await;
    let (url, process) = (nats.url(), nats.process_id());
    talk::nats(&url).unwrap();

    nats.kill().await.unwrap();
    talk::nats(&url).unwrap_err();
    nats.start_again().await.unwrap();

    assert_eq!(nats.url(), url);
    assert_ne!(nats.process_id(), process);
    talk::nats(&url).unwrap();
}

#[tokio::test]
async fn nats_keeps_address_and_password_for_the_next_owner_of_the_folder() {
    let temp = tempfile::tempdir().unwrap();
    let data = open(temp.path());
    let mut first = nats(&data).await;
    let known = (first.url(), first.monitoring_url(), first.credentials());
    first.stop().await.unwrap();
    talk::nats(&known.0).unwrap_err();
    drop(first);

    let second = nats(&data).await;
    assert_eq!(
        (second.url(), second.monitoring_url(), second.credentials()),
        known
    );
}

#[tokio::test]
async fn nats_takes_another_port_when_its_own_is_taken_at_a_start() {
    let temp = tempfile::tempdir().unwrap();
    let data = open(temp.path());
    let first = nats(&data).await;
    let url = first.url();
    drop(first);
    let address = url.strip_prefix("nats://").unwrap();
    let _squatter = std::net::TcpListener::bind(address).unwrap();

    let second = nats(&data).await;
    assert_ne!(second.url(), url);
    talk::nats(&second.url()).unwrap();
}

#[tokio::test]
async fn postgres_comes_back_on_the_same_socket_after_a_kill() {
    let temp = tempfile::tempdir().unwrap();
    let data = open(temp.path());
    let mut postgres = postgres(&data).await;
    let url = postgres.owner_url();
    assert_eq!(talk::postgres(&url), Ok('Z'));

    postgres.kill().await.unwrap();
    talk::postgres(&url).unwrap_err();
    postgres.start_again().await.unwrap();

    assert_eq!(postgres.owner_url(), url);
    assert_eq!(talk::postgres(&url), Ok('Z'));
    drop(postgres);
    folder::remove(data.path()).unwrap();
}

#[tokio::test]
async fn postgres_serves_the_same_cluster_after_a_stop_and_refuses_strangers() {
    let temp = tempfile::tempdir().unwrap();
    let data = open(temp.path());
    let mut first = postgres(&data).await;
    first.stop().await.unwrap();
    drop(first);

    let second = postgres(&data).await;
    assert_eq!(talk::postgres(&second.owner_url()), Ok('Z'));
    assert_eq!(talk::postgres(&second.url("stranger", "assay")), Ok('E'));
    assert_eq!(
        talk::postgres(&second.url("assay_owner", "nowhere")),
        Ok('E')
    );
}

#[tokio::test]
async fn a_long_data_folder_still_gets_a_socket() {
    let temp = tempfile::tempdir().unwrap();
    let long = temp.path().join("x".repeat(100));
    std::fs::create_dir(&long).unwrap();
    open(temp.path());
    let data = open(&long);
    let postgres = postgres(&data).await;
    let url = postgres.owner_url();
    assert!(url.contains("%2Ftmp%2Fassay-"), "{url}");
    assert_eq!(talk::postgres(&url), Ok('Z'));
    drop(postgres);
    folder::remove(data.path()).unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_start_is_an_error_with_its_last_words() {
    let temp = tempfile::tempdir().unwrap();
    let data = open(temp.path());
    let mut first = postgres(&data).await;
    first.stop().await.unwrap();
    let cluster = servers::postgres::cluster_folder(&data).unwrap();
    std::fs::remove_file(cluster.join("global/pg_control")).unwrap();

    let error = first.start_again().await.unwrap_err();
    let ServerError::Ended { tail, .. } = &error else {
        panic!("{error}");
    };
    assert!(tail.contains("pg_control"), "{error}");
}

#[tokio::test]
async fn a_program_that_is_no_nats_server_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let data = open(temp.path());
    let settings = NatsSettings {
        program: Some("/bin/true".into()),
        ..NatsSettings::default()
    };
    let error = PrivateNats::start(&data, settings).await.unwrap_err();
    assert!(error.to_string().contains("2.14"), "{error}");
}
