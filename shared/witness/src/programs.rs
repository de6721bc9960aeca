//! Finds the built programs: beside this one, or beside the tests.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The programs that a run needs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `assay`, or what `ASSAY_PROGRAM` names.
    pub assay: PathBuf,
    /// `assay-checker`.
    pub checker: PathBuf,
}

impl Programs {
    /// Looks in the folder of the running program, and in the one above it, where tests lie in
    /// `deps`.
    ///
    /// # Errors
    /// If one of them was not built.
    pub fn find() -> Result<Self> {
        let own = std::env::current_exe().context("find the running program")?;
        let near: Vec<&Path> = own.ancestors().skip(1).take(2).collect();
        let find = |name: &str| {
            let found = near.iter().map(|folder| folder.join(name));
            match found.into_iter().find(|path| path.is_file()) {
                Some(path) => Ok(path),
                None => bail!("{name} is not built: cargo build -p assay -p assay-checker"),
            }
        };
        let asked = std::env::var_os("ASSAY_PROGRAM").map(PathBuf::from);
        Ok(Self {
            assay: asked.map_or_else(|| find("assay"), Ok)?,
            checker: find("assay-checker")?,
        })
    }
}
