//! What settings refuse, and in which words.

use super::*;
use crate::settings::tests::{SOURCE, load};

/// A line of a settings file, and what its refusal holds.
const REFUSED: &str = r#"
    natz.url = 1 => setting natz (in FILE): is not known; expected one of nats,
    nats.urll = "x" => setting nats.urll (in FILE): is not known; expected one of
    nats.url = 7 => setting nats.url (in FILE): expected a string
    nats.url = "http://a" => expected a URL that begins with nats:// or tls://
    nats.user = "a" => setting nats.user (in FILE): needs nats.password_file
    nats.password_env = "A" => setting nats.user (not set): is not set, but
    nats.monitor_url = "x" => setting nats.monitor_url (in FILE): expected a URL
    postgres.url = "postgres://a/b" => setting postgres.url (in FILE): expected {role}
    postgres.url = "http://{role}/b" => begins with postgres://
    postgres.url = "postgres://{role}@h/b?sslmode=require" => expected ?sslmode=verify-full
    nats.tls = { ca_file = "a", cert_file = "b" } => nats.tls.cert_file (in FILE): expected
    postgres.pool_size = 0 => setting postgres.pool_size (in FILE): is 0; expected 1 to 100
    postgres.pool_size = 101 => setting postgres.pool_size (in FILE): is 101; expected 1 to 100
    ingest.batch_messages_max = 1001 => is 1001; expected 1 to 1000
    ingest.body_bytes_max = -1 => setting ingest.body_bytes_max (in FILE): expected
    ingest.memory_bytes_max = 16777215 => is 16777215; expected 78643200 to 68719476736
    ingest.body_bytes_max = 104857600 => ingest.memory_bytes_max (not set): is 268435456; expected 314572800
    ingest.body_seconds_max = 0 => is 0; expected 1 to 600
    http.connections_max = 0 => setting http.connections_max (in FILE): is 0; expected 1 to 65536
    http.header_seconds_max = 601 => is 601; expected 1 to 600
    ingest.drain_seconds = 0 => setting ingest.drain_seconds (in FILE): is 0; expected 1 to 600
    ingest.spool.bytes_max = 1 => is 1; expected 4096 to 1099511627776
    ingest.spool.segment_bytes_max = 100000000 => is 100000000; expected 1024 to 67108864
    ingest.spool.folder = "" => setting ingest.spool.folder (in FILE): is empty
    http.listen = "8080" => setting http.listen (in FILE): invalid socket address
    snapshots.fetch_seconds_max = 3601 => is 3601; expected 1 to 3600
    verifier.scratch_folder = "" => setting verifier.scratch_folder (in FILE): is empty
    verifier.slots = 1.5 => setting verifier.slots (in FILE): expected
    objects.folder = "/dev/null" => setting objects.folder (in FILE): names something
    log.origin = "a b" => setting log.origin (in FILE): expected 1 to 128 bytes
    telemetry.level = "a=b=c" => setting telemetry.level (in FILE): expected error, warn
    telemetry.log = "xml" => setting telemetry.log (in FILE): expected one of json, text
    telemetry.sample_ratio = 1.5 => is 1.5; expected 0 to 1
    telemetry.sample_ratio = nan => is NaN; expected 0 to 1
    telemetry.otlp_endpoint = "https://a:4317" => begins with http://
    telemetry.otlp_endpoint = "a:4317" => setting telemetry.otlp_endpoint (in FILE): expected
    sources.a = { provider = "github", fetch_url = "https://a/{full_name}", rate = { per_second = 0, burst = 1 } } => sources.a.rate.per_second (in FILE): is 0; expected 1 to 1000000
    sources.a = { fetch_url = "https://a/{full_name}", provider = "github", events = [] } => sources.a.events (in FILE): is empty
    sources.a = { fetch_url = "https://a/{full_name}", provider = "gitea", timestamp_tolerance_seconds = 9 } => has no effect: gitea signs no
    sources.a = { fetch_url = "https://a/{full_name}", provider = "gitlab", timestamp_tolerance_seconds = 0 } => is 0; expected 1 to 86400
    reconcile.every_seconds = 9 => is 9; expected 10 to 86400
    reconcile.redeliveries_per_minute = 0 => is 0; expected 1 to 6000
    sources.a = { fetch_url = "https://a/{full_name}", provider = "gitea", api = { url = "https://a" } } => has no effect: gitea has no
    sources.a = { fetch_url = "https://a/{full_name}", provider = "github", api = { url = "file:///a" } } => sources.a.api.url (in FILE): expected a URL
    sources.a = { fetch_url = "https://a/{full_name}", provider = "github", api = { url = "https://a", hooks = ["../b"] } } => hooks.0 (in FILE): expected an organization
    status.sweep_seconds = 0 => setting status.sweep_seconds (in FILE): is 0; expected 1 to 86400
    sources.a = { fetch_url = "https://a/{full_name}", provider = "bitbucket", status = { url = "https://a", token_env = "A" } } => sources.a.status (in FILE): has no effect: statuses cannot
    sources.a = { fetch_url = "https://a/{full_name}", provider = "gitea", status = { url = "https://a" } } => sources.a.status.token_file (not set): is not set
    sources.a = { fetch_url = "https://a/{full_name}", provider = "gitea", status = { url = "https://a", token_env = "A", target_url = "https://a/{person}" } } => sources.a.status.target_url (in FILE): holds {…}
    sources.a = { fetch_url = "https://{full_name}.a/b", provider = "github" } => sources.a.fetch_url (in FILE): expected {full_name} in the path
    sources.a = { fetch_url = "https://me@a/{full_name}", provider = "github" } => sources.a.fetch_url (in FILE): holds a user
    sources.a = { fetch_url = "http://a/{full_name}", provider = "github", fetch = { token_env = "A" } } => sources.a.fetch.token_file (not set): expected a fetch_url of https://
    sources.a = { fetch_url = "https://a/{full_name}", provider = "github", fetch = { token_env = "A", token_file = "b" } } => sources.a.fetch.token_file (in FILE): is set beside
    sources.a = { fetch_url = "https://a/{full_name}", provider = "github", fetch = { user = "a" } } => sources.a.fetch.user (in FILE): has no effect
    sources.a = { fetch_url = "https://a/{full_name}", provider = "github", fetch = { ssh_key_file = "a" } } => sources.a.fetch.ssh_key_file (in FILE): has no effect
    sources.a = { fetch_url = "ssh://git@a/{full_name}", provider = "github" } => sources.a.fetch.ssh_key_file (not set): expected a key
    sources.a = { fetch_url = "ssh://git@a/{full_name}", provider = "github", fetch = { ssh_key_file = "a" } } => sources.a.fetch.known_hosts_file (not set): expected the file
    sources.a = { fetch_url = "file:///srv/{full_name}", provider = "github" } => sources.a.fetch_url (in FILE): expected a URL that begins with
    snapshots.file_mib_max = 257 => snapshots.file_mib_max (in FILE): is 257; expected 1 to 256
    snapshots.git_memory_mib_max = 255 => is 255; expected 256 to 65536
    verifier.tools.python = { folder = "/opt/python", digest = "x" } => verifier.tools.python.digest (in FILE): not a SHA-256
    verifier.tools.python = { folder = "opt/python", digest = "0000000000000000000000000000000000000000000000000000000000000000" } => verifier.tools.python.folder (in FILE): expected a full path
    verifier.tools."../x" = { folder = "/opt/python", digest = "x" } => is not 1 to 64 of
    sources."a.b".x = 1 => is not 1 to 64 of the characters
    sources.a.provider = "github" => setting sources.a.fetch_url (in FILE): is not set
"#;

/// What is changed in [`SOURCE`], into what, and what the refusal holds.
const REFUSED_OF_A_SOURCE: &str = r#"
    "github" => "svn" => setting sources.github.provider (in FILE): expected one of github,
    {full_name} => x => setting sources.github.fetch_url (in FILE): expected {full_name}
    https: => file: => expected a URL that begins with https://
    https:// => https://me:pw@ => setting sources.github.fetch_url (in FILE): holds a password
    { name = "first", env = "CARGO_MANIFEST_DIR" } =>  => secrets (in FILE): expected 1 to 16
    env = => key = => is not known; expected one of name, file, env
    , env = "CARGO_MANIFEST_DIR" =>  => secrets.0 (in FILE): expected either file or env
    first =>  => secrets.0.name (in FILE): expected a name
    "first", => "first", not_after = 7, => secrets.0.not_after (in FILE): expected a time like
"#;

fn refusal(text: &str, variables: &[(&str, &str)]) -> String {
    match load(text, variables) {
        (Ok(_), _) => panic!("accepted: {text} {variables:?}"),
        (Err(err), path) => err.to_string().replace(&path.display().to_string(), "FILE"),
    }
}

/// The columns of a table's lines.
fn lines<const COLUMNS: usize>(table: &str) -> impl Iterator<Item = [&str; COLUMNS]> {
    table.trim().lines().map(|line| {
        let columns: Vec<_> = line.trim().split(" => ").map(str::trim).collect();
        columns.try_into().unwrap()
    })
}

#[test]
fn a_refusal_names_the_setting_its_origin_and_what_is_expected() {
    for [line, expected] in lines(REFUSED) {
        let refused = refusal(line, &[]);
        assert!(
            refused.contains(expected),
            "{line}\n  gives: {refused}\n  lacks: {expected}"
        );
    }
    for [from, to, expected] in lines(REFUSED_OF_A_SOURCE) {
        let changed = SOURCE.replace(from, to);
        let refused = refusal(&changed, &[]);
        assert!(
            refused.contains(expected),
            "{changed}\n  gives: {refused}\n  lacks: {expected}"
        );
    }
}

#[test]
fn a_refused_variable_is_named() {
    let refused = refusal("", &[("ASSAY__VERIFIER__SLOTS", "many")]);
    assert!(
        refused.starts_with(
            "setting verifier.slots (in the variable ASSAY__VERIFIER__SLOTS): expected"
        ),
        "{refused}"
    );
    let refused = refusal("", &[("ASSAY__VERIFIER__SLOTZ", "1")]);
    assert!(
        refused.contains("(in the variable ASSAY__VERIFIER__SLOTZ): is not known"),
        "{refused}"
    );
    let refused = refusal("", &[("ASSAY__NATS__URL", "x"), ("ASSAY__SPEED", "1")]);
    assert!(refused.contains("ASSAY__SPEED"), "{refused}");
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_named_with_its_line() {
    let refused = Settings::load_from(Some(Path::new("/none/assay.toml")), []).unwrap_err();
    assert!(
        refused.to_string().contains("/none/assay.toml"),
        "{refused}"
    );
    let refused = refusal("[nats]\nurl = \"a\n", &[]);
    assert!(refused.starts_with("FILE:2: "), "{refused}");
}

#[test]
fn no_refusal_shows_a_value_that_may_be_a_secret() {
    for text in [
        "[nats]\npassword = \"hunter2\"",
        "[nats]\npassword_file = [\"hunter2\"]",
        "[nats]\nurl = \"nats://me:hunter2@a:1\"",
        "[nats]\nurl = \"hunter2\"",
        "[nats]\npassword_file = \"hunter2",
        "[nats]\npassword_file = hunter2",
        "[postgres]\nurl = \"postgres://{role}:hunter2@a/b\"",
        "[telemetry]\nlog = \"hunter2\"",
        "[telemetry]\nlevel = \"hunter2=hunter2=\"",
        "[http]\nlisten = \"hunter2\"",
        "[verifier]\nslots = \"hunter2\"",
        "[sources.a]\nprovider = \"hunter2\"",
    ] {
        let (refused, _) = load(text, &[]);
        let refused = refused.unwrap_err();
        let shown = format!("{refused} {refused:?}");
        assert!(!shown.contains("hunter2"), "{text}\n  gives: {shown}");
    }
}
