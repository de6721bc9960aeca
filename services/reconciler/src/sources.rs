//! Owns what is kept of a source that is compared: the client of its forge's API, if it has one.

use contract::name::SourceName;
use forge_api::client::Client;
use process::secret::Secret;
use process::settings::Settings;
use process::settings::service::Service;
use process::settings::source::Source;
use service::sources::{self, Purpose};

/// A source, with the client of its API.
pub(crate) type Known = sources::Known<Option<Client>>;
/// Those that hold now.
pub(crate) type Sources = sources::Sources<Option<Client>>;

/// Reads them for the first time.
pub(crate) fn read(settings: &Settings) -> anyhow::Result<Sources> {
    let purpose = Purpose {
        service: Service::Reconciler,
        token: Settings::api_token,
        open,
    };
    Sources::read(settings, purpose)
}

fn open(
    name: &SourceName,
    source: &Source,
    token: Option<&Secret>,
) -> Result<Option<Option<Client>>, String> {
    let client = source.api.as_ref().map(|api| Client::new(&api.url, token));
    let client = client.transpose();
    client
        .map(Some)
        .map_err(|error| format!("the API of source {name}: {error}"))
}
