//! What settings accept, what they refuse, and in which words.

use std::path::PathBuf;

use super::*;
use crate::settings::postgres::Role;
use crate::settings::service::Service;

const EXAMPLE: &str = include_str!("../../../../deploy/local/assay.toml.example");

pub(super) const SOURCE: &str = r#"
    [sources.github]
    provider = "github"
    fetch_url = "https://github.com/{full_name}.git"
    secrets = [{ name = "first", env = "CARGO_MANIFEST_DIR" }]
"#;

/// Settings from a file with this text, and the file's path.
pub(super) fn load(
    text: &str,
    variables: &[(&str, &str)],
) -> (Result<Settings, SettingsError>, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    std::fs::write(&path, text).unwrap();
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    (Settings::load_from(Some(&path), variables), path)
}

#[test]
fn the_example_is_complete_and_says_the_defaults() {
    let (settings, _) = load(EXAMPLE, &[]);
    assert_eq!(settings.unwrap(), Settings::default());
    assert_eq!(Settings::load_from(None, []).unwrap(), Settings::default());
    let written: serde_json::Value = Toml::from_str(EXAMPLE).unwrap();
    let defaults = serde_json::to_value(Settings::default()).unwrap();
    for (section, keys) in defaults.as_object().unwrap() {
        for key in keys.as_object().unwrap().keys() {
            assert!(
                written[section].get(key).is_some(),
                "{section}.{key} is not in the example"
            );
        }
    }
}

#[test]
fn the_example_shows_every_setting_without_a_default_or_names_it_as_the_other_way() {
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n");
    let (settings, _) = load(&uncommented, &[]);
    let shown = format!("{:?}", settings.unwrap());
    let absent: Vec<_> = shown
        .split(": None")
        .filter_map(|before| before.rsplit([' ', '{']).next())
        .filter(|name| !name.ends_with('}'))
        .collect();
    assert_eq!(
        absent,
        [
            "user",
            "password_file",
            "password_env",
            "password_env",
            "secret_key_env",
            "timestamp_tolerance_seconds",
            "token_env",
            "token_env",
            "token_env",
            "ssh_key_file",
            "known_hosts_file",
            "env",
            "verifier_key",
            "env"
        ],
        "{shown}"
    );
    for name in absent {
        assert!(EXAMPLE.contains(&format!("({name})")), "{name}");
    }
}

#[test]
fn variables_override_the_file_and_each_value_knows_its_origin() {
    let text = "[nats]\nurl = \"nats://a:1\"\n[writer]\nbatch_deliveries_max = 7\n";
    let variables = [
        ("ASSAY__NATS__URL", "nats://b:2"),
        ("ASSAY__VERIFIER__SLOTS", "9"),
        ("X", ""),
    ];
    let (settings, file) = load(text, &variables);
    let settings = settings
        .unwrap()
        .with("http.listen", "127.0.0.1:0")
        .unwrap();
    assert_eq!(settings.nats.url, "nats://b:2");
    assert_eq!(settings.verifier.slots, Some(9));
    assert_eq!(settings.writer.batch_deliveries_max, 7);
    assert_eq!(settings.http.listen.port(), 0);
    for (setting, origin) in [
        ("nats.url", Origin::Variable("ASSAY__NATS__URL".into())),
        ("writer.batch_deliveries_max", Origin::File(file)),
        ("http.listen", Origin::Program),
        ("postgres.url", Origin::Default),
    ] {
        assert_eq!(settings.origin(setting), origin, "{setting}");
    }
}

#[test]
fn a_source_can_be_given_by_variables_alone() {
    let variables = [
        ("ASSAY__SOURCES__HUB__PROVIDER", "github"),
        (
            "ASSAY__SOURCES__HUB__FETCH_URL",
            "http://127.0.0.1:1/{full_name}.git",
        ),
        (
            "ASSAY__SOURCES__HUB__SECRETS",
            r#"[{name = "a", env = "B"}]"#,
        ),
    ];
    let (settings, _) = load("", &variables);
    let settings = settings.unwrap();
    let source = &settings.sources[&"hub".parse().unwrap()];
    let repository = "hub:Octo/Hello".parse().unwrap();
    assert_eq!(
        source.fetch_url_of(&repository),
        "http://127.0.0.1:1/octo/hello.git"
    );
    assert!(source.wants("push") && !source.wants("ping"));
}

#[test]
fn a_password_is_put_into_the_url_of_each_role() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("assay_verifier"), "p@ss/word\n").unwrap();
    let file = folder.path().join("{role}");
    let settings = Settings::default()
        .with("postgres.password_file", file)
        .unwrap();
    let url = settings.postgres_url(Role::Verifier).unwrap();
    let expected = "postgres://assay_verifier:p%40ss%2Fword@127.0.0.1:5432/assay";
    assert_eq!(url.expose_str(), Some(expected));
    let refused = settings
        .postgres_url(Role::Auditor)
        .unwrap_err()
        .to_string();
    assert!(refused.starts_with("setting postgres.password_file (set by the program): the file"));
    let by_socket = "postgres://{role}@%2Ftmp%2Fa/assay";
    let settings = Settings::default().with("postgres.url", by_socket).unwrap();
    let url = settings.postgres_url(Role::Owner).unwrap();
    assert_eq!(
        url.expose_str(),
        Some("postgres://assay_owner@%2Ftmp%2Fa/assay")
    );
}

#[test]
fn each_service_is_refused_without_what_it_alone_needs() {
    let bare = Settings::default();
    for (service, missing) in [
        (Service::WebhookIngest, Some("setting sources (not set)")),
        (
            Service::AttemptWriter,
            Some("setting privacy.pseudonym_key_file (not set)"),
        ),
        (Service::SnapshotBuilder, None),
        (Service::Verifier, None),
        (Service::Auditor, None),
    ] {
        let refused = bare.check_for(service).err().map(|err| err.to_string());
        match (refused, missing) {
            (None, None) => {}
            (Some(refused), Some(missing)) if refused.starts_with(missing) => {}
            (refused, _) => panic!("{service}: {refused:?}"),
        }
    }
    let (settings, _) = load(SOURCE, &[]);
    let unasked = settings.unwrap();
    let refused = unasked
        .check_for(Service::WebhookIngest)
        .unwrap_err()
        .to_string();
    assert!(
        refused.starts_with("setting nats.monitor_url (not set)"),
        "{refused}"
    );
    for (setting, value) in [
        (
            "nats.monitor_url",
            serde_json::json!("http://127.0.0.1:8222"),
        ),
        ("nats.dangerously_accept_unsynced", serde_json::json!(true)),
    ] {
        let settings = unasked.clone().with(setting, value).unwrap();
        settings.check_for(Service::WebhookIngest).unwrap();
    }
    let (settings, _) = load(&SOURCE.replace("CARGO_MANIFEST_DIR", "ASSAY_NO_SUCH"), &[]);
    let refused = settings
        .unwrap()
        .check_for(Service::WebhookIngest)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("secrets.0.env"), "{refused}");
    assert!(
        refused.contains("the variable ASSAY_NO_SUCH is not set"),
        "{refused}"
    );
}

#[test]
fn a_secret_signs_within_its_time_alone() {
    let at = |second| chrono::DateTime::from_timestamp(second, 0).unwrap();
    let (settings, _) = load(
        &SOURCE.replace(
            "\" }",
            "\", not_before = 1970-01-01T00:00:10Z, not_after = 1970-01-01T00:00:20Z }",
        ),
        &[],
    );
    let settings = settings.unwrap();
    let secrets = settings.source_secrets(&"github".parse().unwrap()).unwrap();
    for (second, live) in [(9, false), (10, true), (19, true), (20, false)] {
        assert_eq!(secrets[0].is_live(at(second)), live, "{second}");
    }
    let value = env!("CARGO_MANIFEST_DIR");
    assert_eq!(secrets[0].secret.expose_str(), Some(value));
    assert!(!format!("{secrets:?}").contains(value));
}
