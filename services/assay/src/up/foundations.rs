//! Owns what a house stands on while nothing of it runs: its folder, its keys, its Postgres. For
//! work that must be alone with the ledger.

use std::path::Path;
use std::sync::Arc;

use process::settings::Settings;
use servers::folder::DataFolder;
use servers::place;
use servers::postgres::PrivatePostgres;

use crate::up::house::start_postgres;
use crate::up::keys::{self, Keys, SECRETS};
use crate::up::overlay;

/// The data folder of a house, and its settings, while no service of it runs.
pub(crate) struct Foundations {
    pub(crate) settings: Settings,
    postgres: Option<PrivatePostgres>,
    folder: Arc<DataFolder>,
}

impl Foundations {
    /// Takes the data folder. `before_keys` may put keys where the settings look for them; those
    /// that are missing then are made.
    ///
    /// # Errors
    /// A folder that another process has, a server that does not start.
    pub(crate) async fn open(
        settings: Settings,
        data: &Path,
        before_keys: impl FnOnce(&Settings) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let folder = DataFolder::open(data)?;
        let data = folder.path().to_owned();
        let scratch = place::reachable(&data).join("scratch");
        let keys = Keys::places(&data.join(SECRETS));
        let settings = overlay::folders_and_keys(settings, &data, &scratch, &keys)?;
        before_keys(&settings)?;
        Keys::make(&data, &settings.log.origin)?;
        keys::make_private(&data.join("objects"))?;
        let (settings, postgres) = start_postgres(settings, &folder).await?;
        Ok(Self {
            settings,
            postgres,
            folder,
        })
    }

    /// Ends its Postgres in order.
    ///
    /// # Errors
    /// It does not end.
    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        if let Some(postgres) = &mut self.postgres {
            postgres.stop().await?;
        }
        drop(self.folder);
        Ok(())
    }
}
