//! Owns the connection: how it is made, and what the server must be.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ConnectOptions, Event, ServerError};

use crate::error::ConnectError;
use crate::key::UserKey;
use crate::rights::inbox_prefix;
use crate::room::Room;

/// Longest wait for an ack, in seconds. After it nobody knows whether the message is stored.
pub const ACK_SECS_MAX: u64 = 5;
/// Longest pause between two tries to connect again, in milliseconds.
pub const RECONNECT_MS_MAX: u64 = 1_000;
/// How often the server must say that it is there, in seconds. The third that it leaves out ends the
/// connection, and another server of the cluster is tried: one that is stalled, or whose cable is
/// gone, ends none by itself.
const PING_SECS: u64 = 2;
/// The oldest server that has what Assay is built on.
pub const SERVER_VERSION_MIN: &str = "2.14.0";
/// Most messages published and not yet acked, over all tasks of the process.
const ACKS_IN_FLIGHT_MAX: usize = 8_192;
/// Counts what the servers did not permit us.
const REFUSED: &str = "assay_bus_refused_total";

/// How to reach the bus.
#[derive(Clone, Default)]
pub struct ConnectSettings {
    /// `nats://host:port`, several joined by commas; without credentials.
    pub url: String,
    /// User and password, where the server asks for them.
    pub credentials: Option<(String, String)>,
    /// The user's key, where the server asks for that.
    pub key: Option<UserKey>,
    /// What the server is recognised by; without it the connection may be in plain text, unless
    /// the URL begins with `tls://`.
    pub tls: Option<Tls>,
}

/// What a server is recognised by, and what it recognises us by.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The file with the authorities' certificates that a server's must come from.
    pub ca_file: PathBuf,
    /// The files with our own certificate and its key, where servers ask for one.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// The bus, as one service sees it. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) service: &'static str,
    /// Whether dead letters found room of late.
    pub(crate) room: Room,
}

impl Bus {
    /// Connects as `service`, the name of its user too, and looks whether the server will do.
    ///
    /// # Errors
    /// [`ConnectError::Unreachable`], or [`ConnectError::TooOld`].
    pub async fn connect(
        settings: &ConnectSettings,
        service: &'static str,
    ) -> Result<Self, ConnectError> {
        // There from the start, so that the first refusal is a change.
        metrics::counter!(REFUSED).increment(0);
        let mut options = ConnectOptions::new()
            .name(service)
            .ping_interval(Duration::from_secs(PING_SECS))
            .request_timeout(Some(Duration::from_secs(ACK_SECS_MAX)))
            .reconnect_delay_callback(|tries| {
                // The first try at once; then 50 ms more each time.
                Duration::from_millis((tries.saturating_sub(1) as u64 * 50).min(RECONNECT_MS_MAX))
            })
            .custom_inbox_prefix(inbox_prefix(service))
            .event_callback(|event| async move { told(&event) });
        if let Some((user, password)) = &settings.credentials {
            options = options.user_and_password(user.clone(), password.clone());
        }
        if let Some(key) = &settings.key {
            options = options.nkey(key.seed.clone());
        }
        if let Some(tls) = &settings.tls {
            options = options
                .require_tls(true)
                .add_root_certificates(tls.ca_file.clone());
            if let Some((certificate, key)) = &tls.own {
                options = options.add_client_certificate(certificate.clone(), key.clone());
            }
        }
        let servers: Vec<&str> = settings.url.split(',').collect();
        let client =
            options
                .connect(&servers)
                .await
                .map_err(|error| ConnectError::Unreachable {
                    url: settings.url.clone(),
                    source: error.into(),
                })?;
        let found = client.server_info().version;
        if version(&found) < version(SERVER_VERSION_MIN) {
            return Err(ConnectError::TooOld {
                found,
                needed: SERVER_VERSION_MIN,
            });
        }
        let jetstream = ContextBuilder::new()
            .timeout(Duration::from_secs(ACK_SECS_MAX))
            .max_ack_inflight(ACKS_IN_FLIGHT_MAX)
            .backpressure_on_inflight(true)
            .build(client.clone());
        Ok(Self {
            client,
            jetstream,
            service,
            room: Room::default(),
        })
    }

    /// The version of the server that is connected to.
    pub fn server_version(&self) -> String {
        self.client.server_info().version
    }

    /// Whether the connection stands at this moment.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Waits for an answer of JetStream: a sign of life that a connection alone is not.
    ///
    /// # Errors
    /// What the server answers, as text for `/ready`.
    pub async fn ping(&self) -> Result<(), String> {
        if !self.is_connected() {
            return Err("not connected to NATS".to_owned());
        }
        self.jetstream
            .query_account()
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// Sends what is still in the buffer. To be called before the process ends.
    pub async fn flush(&self) {
        // Without a connection it would wait for one for ever.
        if !self.is_connected() {
            return;
        }
        let limit = Duration::from_secs(ACK_SECS_MAX);
        // A flush that fails has nothing to tell anybody: every publish awaits its own ack.
        let _ = tokio::time::timeout(limit, self.client.flush()).await;
    }
}

/// Logs what became of the connection. What the server does not permit is answered in this way
/// alone: whoever asked waits until it gives up.
fn told(event: &Event) {
    match event {
        Event::ServerError(ServerError::Other(said)) if is_refusal(said) => {
            metrics::counter!(REFUSED).increment(1);
            tracing::error!(
                said,
                "NATS does not permit this user what it tried: {said}; compare the servers' \
                 accounts.conf with `assay nats accounts`"
            );
        }
        event => tracing::debug!(%event, "the connection to NATS changed"),
    }
}

/// Whether the server says that a user may not do something.
fn is_refusal(said: &str) -> bool {
    said.to_ascii_lowercase().contains("permissions violation")
}

/// `2.15.1-beta.3` → (2, 15, 1); what is no number counts as 0.
fn version(text: &str) -> (u32, u32, u32) {
    let mut parts = text
        .split(['.', '-', '+'])
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::{is_refusal, version};

    #[test]
    fn a_refusal_is_told_from_other_errors_of_the_server() {
        assert!(is_refusal(r#"Permissions Violation for Publish to "a.b""#));
        assert!(!is_refusal("Maximum Connections Exceeded"));
    }

    #[test]
    fn versions_compare_by_their_numbers() {
        assert!(version("2.15.1") > version("2.14.0"));
        assert!(version("2.9.10") < version("2.14.0"));
        assert_eq!(version("2.14.0-RC.1"), (2, 14, 0));
        assert_eq!(version("v?"), (0, 0, 0));
    }
}
