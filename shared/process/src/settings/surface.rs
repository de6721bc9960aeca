//! Owns the settings of what a process shows: its ports, its logs, its traces.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// `[http]`: where webhook-ingest receives webhooks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Most connections at once; for one more the one that has been idle longest is closed.
    pub connections_max: usize,
    /// How long a connection may take to send a request's headers, or be idle between two
    /// requests, in seconds.
    pub header_seconds_max: u64,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            connections_max: 1_024,
            header_seconds_max: 10,
        }
    }
}

impl Http {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        check.number("http.connections_max", self.connections_max, 1..=65_536)?;
        check.number("http.header_seconds_max", self.header_seconds_max, 1..=600)
    }
}

/// `[health]`: `/live`, `/ready` and `/metrics`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthPort {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
}

impl Default for HealthPort {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
        }
    }
}

/// The form of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogForm {
    /// One JSON object a line, with the names of the Elastic Common Schema.
    #[default]
    Json,
    /// For people.
    Text,
}

/// `[telemetry]`
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Where traces are sent, by OTLP over gRPC; nowhere when it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<String>,
    /// The form of log lines.
    pub log: LogForm,
    /// What is logged: a level, or a filter like `info,bus=debug`.
    pub level: String,
    /// The part of traces that is recorded, from 0 to 1.
    pub sample_ratio: f64,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            log: LogForm::Json,
            level: "info".to_owned(),
            sample_ratio: 1.0,
        }
    }
}

impl Telemetry {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        if let Some(url) = &self.otlp_endpoint {
            // The exporter is built without TLS: a collector beside the process carries spans on.
            check.url("telemetry.otlp_endpoint", url, &["http"])?;
        }
        if EnvFilter::try_new(&self.level).is_err() {
            let reason = "expected error, warn, info, debug, trace or a filter like info,bus=debug";
            return Err(check.refused("telemetry.level", reason));
        }
        check.number("telemetry.sample_ratio", self.sample_ratio, 0.0..=1.0)
    }
}
