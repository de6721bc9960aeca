//! Owns what a process tells of itself while it runs: log lines, and traces sent by OTLP.

use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, TracerProviderBuilder};
use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::log_line::LogLine;
use crate::sampler::RatioOfTraces;
use crate::settings::surface::Telemetry as Settings;
use crate::trace::ToldOrRandomIds;

#[cfg(test)]
mod tests;

/// How long one export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the last spans may take to leave at the end of the process.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);
/// The spans that are traced, whatever the log's level is: ours, without those of the libraries
/// that carry traces or messages, which would trace themselves.
const TRACED: &str = "info,h2=off,hyper=off,hyper_util=off,tonic=off,tower=off,reqwest=off,\
                      async_nats=off,opentelemetry=off,opentelemetry_sdk=off,\
                      opentelemetry_otlp=off,tokio_postgres=off";
/// What libraries say only when asked for: they would drown our own lines.
const QUIET: &str = "h2=warn,hyper=warn,hyper_util=warn,tonic=warn,tower=warn,reqwest=warn,\
                     async_nats=warn,opentelemetry=off,opentelemetry_sdk=off,\
                     opentelemetry_otlp=off,tokio_postgres=warn";

/// The telemetry of this process. Whoever holds it calls [`Telemetry::flush`] as the last thing.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

/// Telemetry could not be started.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The exporter could not be made for this endpoint.
    #[error("set up the export of traces to {endpoint}")]
    Exporter {
        /// The endpoint.
        endpoint: String,
        /// Why not.
        #[source]
        source: ExporterBuildError,
    },
    /// Somebody else's subscriber is in place.
    #[error("start telemetry a second time in this process")]
    AlreadyStarted(#[from] TryInitError),
}

impl Telemetry {
    /// Starts log lines on standard error and, with an endpoint, the export of traces.
    /// `service` names the process in both. To be called once, inside the runtime.
    ///
    /// Without an endpoint spans are still made and bear ids, since messages carry them on; they
    /// are only sent nowhere.
    ///
    /// # Errors
    /// [`TelemetryError`].
    pub fn start(settings: &Settings, service: &'static str) -> Result<Self, TelemetryError> {
        global::set_text_map_propagator(TraceContextPropagator::new());
        let provider = provider(settings, service)?;
        subscriber(&provider, settings, service, std::io::stderr).try_init()?;
        Ok(Self { provider })
    }

    /// Sends the last spans, for five seconds at the longest. A collector that is down loses them:
    /// it is never waited for longer, and never a reason to fail.
    pub async fn flush(self) {
        let shutdown = move || self.provider.shutdown_with_timeout(FLUSH_TIMEOUT);
        match tokio::task::spawn_blocking(shutdown).await {
            Ok(Ok(())) => {}
            Ok(Err(err)) => tracing::warn!(error = %err, "the last spans were not sent"),
            Err(err) => tracing::warn!(error = %err, "the last spans were not sent"),
        }
    }
}

/// What spans and lines go through: each has a filter of its own, so that a quiet log takes no span
/// out of a trace.
fn subscriber<W>(
    provider: &SdkTracerProvider,
    settings: &Settings,
    service: &'static str,
    writer: W,
) -> impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let traces = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("assay"))
        .with_location(false)
        .with_threads(false)
        .with_filter(EnvFilter::new(TRACED));
    let lines = tracing_subscriber::fmt::layer()
        .event_format(LogLine::new(settings.log, service))
        .fmt_fields(JsonFields::new())
        .with_writer(writer)
        .with_filter(EnvFilter::new(format!("{QUIET},{}", settings.level)));
    tracing_subscriber::registry().with(traces).with(lines)
}

fn provider(
    settings: &Settings,
    service: &'static str,
) -> Result<SdkTracerProvider, TelemetryError> {
    let builder = provider_builder(settings.sample_ratio)
        .with_resource(Resource::builder().with_service_name(service).build());
    let Some(endpoint) = &settings.otlp_endpoint else {
        return Ok(builder.build());
    };
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|source| TelemetryError::Exporter {
            endpoint: endpoint.clone(),
            source,
        })?;
    Ok(builder.with_batch_exporter(exporter).build())
}

/// What every provider of ours has: roots that can be told their trace id, and our sampler.
fn provider_builder(sample_ratio: f64) -> TracerProviderBuilder {
    SdkTracerProvider::builder()
        .with_id_generator(ToldOrRandomIds::default())
        .with_sampler(RatioOfTraces::new(sample_ratio))
}
