//! Owns the operator's commands to a house or a fleet, whose settings lie in its folder.

use std::path::Path;

use anyhow::{Result, bail};
use testkit::program::Plan;
use witness::programs::Programs;

/// Runs a command of the operator's; gives what it printed.
///
/// # Errors
/// What the command says, where it does not succeed.
pub(crate) async fn operate(
    programs: &Programs,
    folder: &Path,
    arguments: &[&str],
) -> Result<String> {
    let config = folder.join("assay.toml").display().to_string();
    let mut all = vec!["--config".to_owned(), config];
    all.extend(arguments.iter().map(|&text| text.to_owned()));
    let plan = Plan {
        program: programs.assay.clone(),
        arguments: all,
        variables: Vec::new(),
        folder,
    };
    let said = plan.run().await;
    if said.code != Some(0) {
        bail!("assay {arguments:?}: {}{}", said.out, said.err);
    }
    Ok(said.out)
}
