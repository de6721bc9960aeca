//! Owns what is kept of a source whose forge is told: how, and the client of its API.

use contract::name::SourceName;
use forge_api::client::Client;
use process::secret::Secret;
use process::settings::Settings;
use process::settings::service::Service;
use process::settings::source::Source;
use process::settings::status::StatusApi;
use service::sources::{self, Purpose};

/// A source whose forge is told.
pub(crate) type Known = sources::Known<Told>;
/// Those that hold now.
pub(crate) type Sources = sources::Sources<Told>;

/// How a forge is told.
pub(crate) struct Told {
    pub(crate) status: StatusApi,
    pub(crate) client: Client,
}

/// Reads them for the first time.
pub(crate) fn read(settings: &Settings) -> anyhow::Result<Sources> {
    let purpose = Purpose {
        service: Service::StatusReporter,
        token: Settings::status_token,
        open,
    };
    Sources::read(settings, purpose)
}

fn open(
    name: &SourceName,
    source: &Source,
    token: Option<&Secret>,
) -> Result<Option<Told>, String> {
    let Some(status) = source.status.clone() else {
        return Ok(None);
    };
    let client = Client::new(&status.url, token);
    let client = client.map_err(|error| format!("the statuses of source {name}: {error}"))?;
    Ok(Some(Told { status, client }))
}
