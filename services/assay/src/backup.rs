//! Owns `assay backup`: a backup made, checked, and old ones let go.

pub(crate) mod check;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod list;
mod made;
mod make;
pub(crate) mod manifest;
pub(crate) mod objects;
pub(crate) mod place;
pub(crate) mod progress;
mod prune;
mod settings;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::{Place, Who};
use crate::context::Context;

/// What is asked of `assay backup`.
#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Backup {
    #[command(subcommand)]
    order: Option<BackupOrder>,
    /// The folder of backups: each backup is a folder below it, and they share their objects.
    #[arg(long, value_name = "FOLDER", required = true)]
    to: Option<PathBuf>,
    /// Where the keys go: another place, as whoever has both can read all that is sealed.
    #[arg(long, value_name = "FOLDER", conflicts_with = "keys_elsewhere")]
    keys_to: Option<PathBuf>,
    /// The keys are kept elsewhere already, and are not copied.
    #[arg(long)]
    keys_elsewhere: bool,
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, Subcommand)]
enum BackupOrder {
    /// Read a backup whole and hold it against its manifest, without restoring it: 0 when it is good.
    Check {
        /// A folder of backups, whose newest is checked, or one backup's.
        folder: PathBuf,
    },
    /// Remove old backups, and the objects that none of the kept ones names.
    Prune {
        /// The folder of backups.
        folder: PathBuf,
        /// How many to keep, the newest.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        keep: u32,
    },
}

/// Where the keys of a backup go.
#[derive(Debug)]
enum KeysPlace {
    Folder(PathBuf),
    Elsewhere,
}

pub(crate) async fn backup(place: &Place, asked: Backup) -> anyhow::Result<u8> {
    match asked.order {
        // They need no settings, and no servers.
        Some(BackupOrder::Check { folder }) => check::check(&folder).await,
        Some(BackupOrder::Prune { folder, keep }) => prune::prune(&folder, keep as usize).await,
        None => {
            let to = asked.to.expect("clap asks for it");
            let keys = match (asked.keys_to, asked.keys_elsewhere) {
                (Some(folder), _) => KeysPlace::Folder(folder),
                (None, true) => KeysPlace::Elsewhere,
                (None, false) => anyhow::bail!(
                    "where do the keys go? --keys-to <folder> copies them, to another place than \
                     the backup: whoever has both reads all that is sealed, and without them a \
                     backup cannot be read at all; --keys-elsewhere says that they are kept already"
                ),
            };
            make::make(&Context::of(place)?, &to, &keys, &asked.who.actor).await
        }
    }
}
