//! Owns `assay deploy list`: what a deployment consists of, as the files in `deploy/` have it.

use clap::Subcommand;
use deploy::list::{List, ServiceEntry, list};
use process::exit;

use crate::say::say;
use crate::table::table;

/// What is asked of a deployment.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DeployOrder {
    /// Services, ports, consumers, roles, secrets, folders; with --json settings and streams too.
    List {
        /// As JSON, for machines.
        #[arg(long)]
        json: bool,
    },
}

/// Says what was asked for. It needs no settings, and no servers.
pub(crate) fn deploy(order: &DeployOrder) -> anyhow::Result<u8> {
    let DeployOrder::List { json } = order;
    let list = list();
    if *json {
        say!("{}", serde_json::to_string_pretty(&list)?);
    } else {
        show(&list);
    }
    Ok(exit::OK)
}

fn show(list: &List) {
    let headings = [
        "service",
        "ports",
        "role",
        "consumers",
        "secrets",
        "folders",
        "stop",
    ];
    let mut shown = table(&headings);
    for service in &list.services {
        shown.add_row(row(service));
    }
    say!("{shown}");
}

fn row(service: &ServiceEntry) -> [String; 7] {
    let lines = |words: Vec<String>| words.join("\n");
    let ports = service.ports.iter();
    let consumers = service.consumers.iter();
    let folders = service.folders.iter();
    [
        service.name.to_owned(),
        lines(
            ports
                .map(|port| format!("{} {}", port.port, port.name))
                .collect(),
        ),
        service.role.unwrap_or("").to_owned(),
        lines(consumers.map(|consumer| consumer.name.to_owned()).collect()),
        lines(service.secrets.clone()),
        lines(
            folders
                .map(|folder| format!("{} ({})", folder.name, folder.kind))
                .collect(),
        ),
        format!("{} s", service.stop_seconds),
    ]
}
