//! Owns the finding out of how each limit can be enforced on this machine.

use crate::sandbox::Site;
use crate::sandbox::account::Account;
use crate::sandbox::error::CannotSandbox;
use crate::sandbox::group::{Groups, Lacking};
use crate::sandbox::scratch::{RunFolder, Scratch, Size};

/// How limits are enforced here.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) groups: Option<Groups>,
    pub(super) size: Size,
    /// Which limits cannot be enforced, and why.
    pub(super) lacking: Option<String>,
}

/// Which limits cannot be enforced at this site, and why; `None` when all can.
///
/// # Errors
/// When not even the scratch folder can be made.
pub fn lacking(site: Site<'_>) -> Result<Option<String>, CannotSandbox> {
    let scratch = Scratch::open(site.scratch).map_err(|source| CannotSandbox::Folder {
        folder: site.scratch.to_owned(),
        source,
    })?;
    Ok(Means::find(site, &scratch).lacking)
}

impl Means {
    pub(super) fn find(site: Site<'_>, scratch: &Scratch) -> Self {
        let mut lacking = Vec::new();
        let groups = match Groups::open(site.control_group) {
            Ok(groups) => Some(groups),
            Err(Lacking { limits, why }) => {
                lacking.push(format!("{} ({why})", limits.join(", ")));
                None
            }
        };
        let account = Account::of_slot(0);
        let size = match RunFolder::make(scratch, 0, account, Size::Bounded) {
            Ok(_trial) => Size::Bounded,
            Err(error) => {
                lacking.push(format!(
                    "disk (no file system of a run's own can be mounted in {}: {error})",
                    site.scratch.display()
                ));
                Size::Unbounded
            }
        };
        Self {
            groups,
            size,
            lacking: (!lacking.is_empty()).then(|| lacking.join("; ")),
        }
    }
}
