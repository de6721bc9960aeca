//! `deploy/systemd`: a unit for each service, of one machine or of many.

use deploy::list::{folders, secrets};
use deploy::plan::{DATA_FOLDER, HEALTH_PORT, SETTINGS_FILE, Scaling, needs_of};
use process::settings::Settings;
use process::settings::service::Service;

use crate::files::same;

const HEAD: &str =
    "# Written by `ASSAY_WRITE_DEPLOY=1 cargo test -p deploy`; change it in a drop-in.\n";

/// What the unit of a service that asks nobody but its servers and forges may not do.
const CONFINED: &str = "\
User=assay
Group=assay
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0007
";

/// What the verifier's may not: its boxes are made of namespaces, mounts and control groups.
const VERIFIER: &str = "\
# Control groups of its own, for one box each; as root, so that each box has a user of its own.
User=root
Group=assay
Delegate=yes
ProtectSystem=full
ProtectHome=yes
ProtectClock=yes
ProtectKernelModules=yes
LockPersonality=yes
RestrictRealtime=yes
SystemCallArchitectures=native
# The group may write where the others do.
UMask=0007
";

fn unit(service: Service) -> String {
    let needs = needs_of(service);
    let place = Service::ALL
        .iter()
        .position(|each| *each == service)
        .unwrap();
    let port = HEALTH_PORT + u16::try_from(place).unwrap();
    let mut text = format!(
        "{HEAD}[Unit]\nDescription=Assay: {service}\n\
         Documentation=https://assay.example/docs/OPERATIONS.md\n\
         Wants=network-online.target\nAfter=network-online.target nats.service postgresql.service\n\
         PartOf=assay.target\n\n[Service]\nType=exec\n\
         ExecStart=/usr/bin/assay --config {SETTINGS_FILE} run {service}\n\
         Environment=ASSAY__HEALTH__LISTEN=127.0.0.1:{port}\n"
    );
    for file in secrets(service)
        .iter()
        .filter(|file| !file.ends_with("-token"))
    {
        text += &format!("LoadCredential={file}:/etc/assay/secrets/{file}\n");
    }
    text += "Environment=ASSAY__NATS__NKEY_SEED_FILE=%d/nats-{user}\n";
    if service.role().is_some() {
        text += "Environment=ASSAY__POSTGRES__PASSWORD_FILE=%d/{role}\n";
    }
    if service == Service::AttemptWriter {
        text += "Environment=ASSAY__PRIVACY__PSEUDONYM_KEY_FILE=%d/pseudonym\n";
        // Quoted as a whole: a unit's variables end at white space.
        text += "Environment=\"ASSAY__PRIVACY__MASTER_KEYS=[{id=first,file=%d/privacy-master}]\"\n";
    }
    if service == Service::Auditor {
        text += "Environment=ASSAY__LOG__SIGNING_KEY_FILE=%d/log-signing\n";
        text += "Environment=ASSAY__LOG__VERIFIER_KEY_FILE=%d/log-verifier\n";
    }
    let names: Vec<String> = folders(service)
        .iter()
        .map(|folder| format!("assay/{}", folder.name))
        .collect();
    text += &format!("WorkingDirectory={DATA_FOLDER}\nStateDirectory=assay");
    text += &names
        .iter()
        .map(|name| format!(" {name}"))
        .collect::<String>();
    text += &format!(
        "\nRestart=always\nRestartSec=2\n\
         # A setting that is bad stays so.\nRestartPreventExitStatus=64\n\
         TimeoutStopSec={}\nMemoryMax={}M\n",
        needs.stop_seconds, needs.memory_mib
    );
    text += if service == Service::Verifier {
        VERIFIER
    } else {
        CONFINED
    };
    text += "\n[Install]\nWantedBy=assay.target\n";
    text
}

#[test]
fn each_services_unit_is_written_from_the_list() {
    for service in Service::ALL {
        same(&format!("systemd/assay-{service}.service"), &unit(service));
    }
}

#[test]
fn the_target_wants_every_service() {
    let wants: String = Service::ALL
        .iter()
        .map(|service| format!("Wants=assay-{service}.service\n"))
        .collect();
    let text = format!(
        "{HEAD}[Unit]\nDescription=Assay: every service of this machine\n{wants}\n\
         [Install]\nWantedBy=multi-user.target\n"
    );
    same("systemd/assay.target", &text);
}

#[test]
fn who_does_the_work_alone_is_not_scaled() {
    let scaled = |service: &Service| !matches!(needs_of(*service).scaling, Scaling::Standby);
    let scaled: Vec<_> = Service::ALL.into_iter().filter(scaled).collect();
    use Service::{AttemptWriter, SnapshotBuilder, Verifier, WebhookIngest};
    assert_eq!(
        scaled,
        [WebhookIngest, AttemptWriter, SnapshotBuilder, Verifier]
    );
}

/// A unit's values of a key.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix(key));
    lines.map(|value| value.trim_matches('"')).collect()
}

#[test]
fn a_service_finds_what_it_needs_where_its_unit_puts_it() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().display().to_string();
    let bound = "/run/credentials/assay-webhook-ingest.service";
    let settings = crate::files::read("systemd/assay.toml").replace(bound, &credentials);
    let file = folder.path().join("assay.toml");
    std::fs::write(&file, settings).unwrap();
    for service in Service::ALL {
        let unit = unit(service);
        let handed = values(&unit, "LoadCredential=");
        for (name, _) in handed.iter().filter_map(|pair| pair.split_once(':')) {
            let secret = "a secret of the tests, thirty-two bytes";
            std::fs::write(folder.path().join(name), secret).unwrap();
        }
        let variables = values(&unit, "Environment=").into_iter();
        let variables = variables.filter_map(|pair| pair.split_once('='));
        let variables =
            variables.map(|(name, value)| (name.to_owned(), value.replace("%d", &credentials)));
        let settings = Settings::load_from(Some(&file), variables).unwrap();
        settings
            .check_for(service)
            .unwrap_or_else(|error| panic!("{service}: {error}"));
        // What another service was handed is not there.
        for (name, _) in handed.iter().filter_map(|pair| pair.split_once(':')) {
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
    }
}
