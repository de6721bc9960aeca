//! Owns the connection: how it is made, and what the server must be.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ConnectOptions};

use crate::error::ConnectError;
use crate::room::Room;

/// Longest wait for an ack, in seconds. After it nobody knows whether the message is stored.
pub const ACK_SECS_MAX: u64 = 5;
/// Longest pause between two tries to connect again, in milliseconds.
pub const RECONNECT_MS_MAX: u64 = 1_000;
/// The oldest server that has what Assay is built on.
pub const SERVER_VERSION_MIN: &str = "2.14.0";
/// Most messages published and not yet acked, over all tasks of the process.
const ACKS_IN_FLIGHT_MAX: usize = 8_192;

/// How to reach the bus.
#[derive(Clone)]
pub struct ConnectSettings {
    /// `nats://host:port`, several joined by commas; without credentials.
    pub url: String,
    /// User and password, where the server asks for them.
    pub credentials: Option<(String, String)>,
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
    /// Connects as `service`, and looks whether the server will do.
    ///
    /// # Errors
    /// [`ConnectError::Unreachable`], or [`ConnectError::TooOld`].
    pub async fn connect(
        settings: &ConnectSettings,
        service: &'static str,
    ) -> Result<Self, ConnectError> {
        let mut options = ConnectOptions::new()
            .name(service)
            .request_timeout(Some(Duration::from_secs(ACK_SECS_MAX)))
            .reconnect_delay_callback(|tries| {
                // The first try at once; then 50 ms more each time.
                Duration::from_millis((tries.saturating_sub(1) as u64 * 50).min(RECONNECT_MS_MAX))
            })
            .event_callback(|event| async move {
                tracing::debug!(%event, "the connection to NATS changed");
            });
        if let Some((user, password)) = &settings.credentials {
            options = options.user_and_password(user.clone(), password.clone());
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
    use super::version;

    #[test]
    fn versions_compare_by_their_numbers() {
        assert!(version("2.15.1") > version("2.14.0"));
        assert!(version("2.9.10") < version("2.14.0"));
        assert_eq!(version("2.14.0-RC.1"), (2, 14, 0));
        assert_eq!(version("v?"), (0, 0, 0));
    }
}
