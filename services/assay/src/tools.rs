//! Owns `assay tools`: what a folder of tools is, as the settings of a verifier pin it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use process::exit;
use verifier::tools::content::{Content, digest};

use crate::say::say;

#[derive(Debug, Subcommand)]
pub(crate) enum ToolsOrder {
    /// Print the digest of a folder, and what to write into the settings.
    Digest {
        /// The folder.
        folder: PathBuf,
    },
}

pub(crate) fn tools(order: &ToolsOrder) -> anyhow::Result<u8> {
    let ToolsOrder::Digest { folder } = order;
    let folder = folder
        .canonicalize()
        .with_context(|| format!("find {}", folder.display()))?;
    let content = digest(&folder).with_context(|| format!("read {}", folder.display()))?;
    say!("{}", settings(&folder, content));
    Ok(exit::OK)
}

fn settings(folder: &Path, content: Content) -> String {
    let Content {
        digest,
        files,
        bytes,
    } = content;
    let name = folder.file_name().map(|name| name.to_string_lossy());
    let name = name.unwrap_or_default();
    format!(
        "# {files} files, {bytes} bytes\n[verifier.tools.\"{name}\"]\nfolder = {:?}\ndigest = \
         \"{digest}\"",
        folder.display().to_string()
    )
}
