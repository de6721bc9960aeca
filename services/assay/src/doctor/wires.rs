//! Looks at the way to the servers: whether somebody on it could listen, and whether our own user of
//! NATS may do more than its work.

use std::net::IpAddr;
use std::time::Duration;

use bus::connect::{Bus, ConnectSettings};
use bus::rights::OPERATOR;
use process::settings::Settings;
use process::settings::postgres::Role;
use process::settings::service::Service;
use url::{Host, Url};

use crate::doctor::finding::Finding;

/// How long a call that should be refused is waited for, in seconds: a refusal is no answer.
const ANSWER_SECS_MAX: u64 = 2;

/// Looks at what the URLs say.
pub(super) fn look(settings: &Settings) -> Vec<Finding> {
    vec![nats(settings), postgres(settings)]
}

fn nats(settings: &Settings) -> Finding {
    let check = "nats.tls";
    let open = |server: &&str| leaves_the_machine(server) && !server.starts_with("tls://");
    let Some(server) = settings.nats.servers().find(open) else {
        return Finding::good(check, "by TLS, or within this machine");
    };
    if settings.nats.tls.is_some() {
        return Finding::good(check, "by TLS, of the authority in nats.tls.ca_file");
    }
    let said = format!("{server} is asked in plain text: webhooks can be read on the way");
    let mend = "give the servers certificates (deploy/nats/nats.conf), and set nats.tls.ca_file";
    Finding::warning(check, said, mend)
}

fn postgres(settings: &Settings) -> Finding {
    let check = "postgres.tls";
    let url = settings.postgres_url_without_password(Role::Reader);
    if !leaves_the_machine(&url) || url.contains("sslmode=verify-full") {
        return Finding::good(check, "by TLS, or within this machine");
    }
    let said = "Postgres is asked in plain text: the ledger can be read on the way";
    let mend = "give it a certificate, and postgres.url ?sslmode=verify-full&sslrootcert=<file>";
    Finding::warning(check, said, mend)
}

/// Whether what is sent to this URL can be seen outside. A socket's path is no host of a network.
fn leaves_the_machine(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    let is_loopback = |ip: IpAddr| ip.is_loopback();
    match url.host() {
        None => false,
        Some(Host::Ipv4(ip)) => !is_loopback(ip.into()),
        Some(Host::Ipv6(ip)) => !is_loopback(ip.into()),
        Some(Host::Domain(name)) => match name.parse() {
            Ok(ip) => !is_loopback(ip),
            Err(_) => name != "localhost" && !name.starts_with("%2F") && !name.starts_with("%2f"),
        },
    }
}

/// The operator's login; where this machine has none, that of one of its services.
pub(super) fn login(
    settings: &Settings,
    services: &[Service],
) -> anyhow::Result<(&'static str, ConnectSettings)> {
    let as_user = |user: &'static str| {
        let login = service::connect::connect_settings(settings, user)?;
        anyhow::Ok((user, login))
    };
    let operator = as_user(OPERATOR);
    if operator.is_ok() {
        return operator;
    }
    let mut others = services.iter().map(|service| as_user(service.as_str()));
    others.find(anyhow::Result::is_ok).unwrap_or(operator)
}

/// Whether the user that we are may do what nobody needs.
pub(super) async fn rights(bus: &Bus) -> Finding {
    let check = "nats.rights";
    let limit = Duration::from_secs(ANSWER_SECS_MAX);
    if bus.is_unbounded(limit).await {
        let said = "this user of NATS may do more than it needs: a stolen login is the whole house";
        let mend = "give each service a key of its own: `assay keys`, `assay nats accounts`, \
                    nats.nkey_seed_file";
        return Finding::warning(check, said, mend);
    }
    Finding::good(check, "this user of NATS may do its own work alone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_on_this_machine_needs_no_tls() {
        for (url, leaves) in [
            ("nats://127.0.0.1:4222", false),
            ("nats://localhost:4222", false),
            ("nats://[::1]:4222", false),
            ("nats://10.0.0.1:4222", true),
            ("nats://nats-1:4222", true),
            ("postgres://a@%2Ftmp%2Fx/assay", false),
            ("postgres://a@127.0.0.2:5432/assay", false),
            ("postgres://a@db.example:5432/assay", true),
        ] {
            assert_eq!(leaves_the_machine(url), leaves, "{url}");
        }
    }
}
