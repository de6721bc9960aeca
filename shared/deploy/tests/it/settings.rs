//! The settings that the deployment files bring, each for its place.

use deploy::plan::{
    AUTHORITY_FILE, DATA_FOLDER, FOLDERS, HEALTH_PORT, HOOKS_PORT, NATS_PORTS, NATS_SERVERS,
    POSTGRES_PORT, SECRETS, SECRETS_FOLDER,
};
use process::settings::Settings;
use serde_json::Value;

use crate::files::same;

/// Where a deployment has its servers, files and ports.
struct Place {
    file: &'static str,
    says: &'static str,
    nats: fn(u16) -> String,
    postgres: &'static str,
    listen: &'static str,
    /// The file of the webhooks' secret.
    webhook: String,
    /// Where the other secrets are.
    secrets: &'static str,
    /// What the servers are recognised by.
    authority: String,
}

fn places() -> [Place; 3] {
    let authority = format!("{SECRETS_FOLDER}/{AUTHORITY_FILE}");
    let webhook = format!("{SECRETS_FOLDER}/webhook");
    [
        Place {
            file: "compose/assay.toml",
            says: "The settings of every service of compose.yaml.",
            nats: |n| format!("nats-{n}"),
            postgres: "postgres",
            listen: "0.0.0.0",
            webhook: webhook.clone(),
            secrets: SECRETS_FOLDER,
            authority: authority.clone(),
        },
        Place {
            file: "kubernetes/base/assay.toml",
            says: "The settings of every service, as a config map. The hosts are those of the \
                   chart\n# of NATS and of a service `postgres`: change them in your overlay.",
            nats: |n| format!("nats-{}.nats-headless", n - 1),
            postgres: "postgres",
            listen: "0.0.0.0",
            webhook,
            secrets: SECRETS_FOLDER,
            authority,
        },
        Place {
            file: "systemd/assay.toml",
            says: "The settings of every service of one machine. The units override where \
                   each service\n# finds its secrets, as credentials of its own, and its health \
                   port.",
            nats: |n| format!("nats-{n}"),
            postgres: "postgres",
            listen: "127.0.0.1",
            webhook: "/run/credentials/assay-webhook-ingest.service/webhook".to_owned(),
            secrets: "/etc/assay/secrets",
            authority: format!("/etc/assay/{AUTHORITY_FILE}"),
        },
    ]
}

fn text(place: &Place) -> String {
    let (clients, _, monitoring) = NATS_PORTS;
    let each = |scheme: &str, port: u16| {
        let urls = (1..=NATS_SERVERS).map(|n| format!("{scheme}://{}:{port}", (place.nats)(n)));
        urls.collect::<Vec<_>>().join(",")
    };
    let secret = |setting: &str, file: &str| {
        format!(
            "{setting} = \"{}/{file}\"
",
            place.secrets
        )
    };
    let folder = |setting: &str| {
        let folder = FOLDERS.iter().find(|folder| folder.setting == setting);
        format!("{DATA_FOLDER}/{}", folder.unwrap().name)
    };
    let (says, listen) = (place.says, place.listen);
    let mut text = format!(
        "# {says}\n# What is not set here has its default: deploy/local/assay.toml.example has all \
         settings.\n# Written by `ASSAY_WRITE_DEPLOY=1 cargo test -p deploy`; change the copy that \
         you deploy.\n\n"
    );
    text += &format!("[nats]\nurl = \"{}\"\n", each("tls", clients));
    text += &format!("monitor_url = \"{}\"\n", each("http", monitoring));
    text += &secret("nkey_seed_file", "nats-{user}");
    text += &format!("\n[nats.tls]\nca_file = \"{}\"\n", place.authority);
    text += &format!(
        "\n[postgres]\nurl = \"postgres://{{role}}@{}:{POSTGRES_PORT}/assay\
         ?sslmode=verify-full&sslrootcert={}\"\n",
        place.postgres, place.authority
    );
    text += &secret("password_file", "{role}");
    text += &format!("\n[objects]\nfolder = \"{}\"\n", folder("objects.folder"));
    text += &format!("\n[http]\nlisten = \"{listen}:{HOOKS_PORT}\"\n");
    text += &format!("\n[health]\nlisten = \"{listen}:{HEALTH_PORT}\"\n");
    text += "\n# The first source: change it, and add others.\n[sources.github]\n";
    text += "provider = \"github\"\nfetch_url = \"https://github.com/{full_name}.git\"\n";
    text += &format!(
        "\n[[sources.github.secrets]]\nname = \"first\"\nfile = \"{}\"\n",
        place.webhook
    );
    text += "\n[ingest]\n# Longer than a load balancer takes to notice that /ready says 503.\n";
    text += "grace_seconds = 5\n";
    text += &format!(
        "\n[ingest.spool]\nfolder = \"{}\"\npersistent = true\n",
        folder("ingest.spool.folder")
    );
    text += &format!(
        "\n[snapshots]\ncache_folder = \"{}\"\n",
        folder("snapshots.cache_folder")
    );
    text += &format!(
        "\n[verifier]\nscratch_folder = \"{}\"\n",
        folder("verifier.scratch_folder")
    );
    text += "\n# Nobody else's name; the log's key signs for it alone, so set it before `assay keys`.\n";
    text += "[log]\norigin = \"assay.example/log\"\n";
    text += &secret("signing_key_file", "log-signing");
    text += &secret("verifier_key_file", "log-verifier");
    text += "\n[privacy]\n";
    text += &secret("pseudonym_key_file", "pseudonym");
    let master = format!("{}/privacy-master", place.secrets);
    text + &format!("\n[[privacy.master_keys]]\nid = \"first\"\nfile = \"{master}\"\n")
}

/// The settings of an example, with those that stand behind `#: ` as well.
pub(crate) fn uncommented(text: &str) -> String {
    let lines = text.lines();
    lines
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn the_settings_of_every_place_are_written_from_the_list() {
    for place in places() {
        same(place.file, &text(&place));
    }
}

#[test]
fn the_settings_of_every_place_hold() {
    for place in places() {
        let file = crate::files::folder().join(place.file);
        let settings = Settings::load_from(Some(&file), []).unwrap();
        assert!(settings.ingest.spool.persistent, "{}", place.file);
        assert_eq!(settings.http.listen.port(), HOOKS_PORT);
    }
}

#[test]
fn every_secret_that_a_deployment_cannot_do_without_is_named_where_it_is() {
    for place in places() {
        let written: Value = toml::from_str(&text(&place)).unwrap();
        // The others are of sources that ask for more than webhooks.
        let optional = ["fetch-token", "api-token", "status-token"];
        for secret in SECRETS
            .iter()
            .filter(|secret| !optional.contains(&secret.file))
        {
            let pointer = format!(
                "/{}",
                secret.setting.replace('*', "github").replace('.', "/")
            );
            let found = written.pointer(&pointer).and_then(Value::as_str);
            let expected = match secret.file {
                "webhook" => place.webhook.clone(),
                file => format!("{}/{file}", place.secrets),
            };
            assert_eq!(
                found,
                Some(expected.as_str()),
                "{} {}",
                place.file,
                secret.setting
            );
        }
    }
}
