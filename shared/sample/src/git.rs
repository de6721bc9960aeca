//! Owns how the samples run git: in one folder, untouched by whatever the user has configured.

use std::path::Path;
use std::process::{Output, Stdio};

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A git command in a repository's folder, with an environment of our own.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
    command
        .env("HOME", "/dev/null")
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args(["-c", "safe.directory=*", "-c", "protocol.file.allow=always"])
        .arg("-C")
        .arg(folder)
        .kill_on_drop(true);
    command
}

/// Runs git and gives what it printed, without the line feed at its end.
pub(crate) async fn run(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = feed(command(folder).args(arguments), &[]).await?;
    let text = succeed(output, arguments)?;
    Ok(String::from_utf8_lossy(&text)
        .trim_end_matches('\n')
        .to_owned())
}

/// Runs git with `input`.
pub(crate) async fn run_with(folder: &Path, arguments: &[&str], input: &[u8]) -> Result<()> {
    let output = feed(command(folder).args(arguments), input).await?;
    succeed(output, arguments).map(drop)
}

/// Runs a command, writes `input` to it and reads all it prints, both at once.
pub(crate) async fn feed(command: &mut Command, input: &[u8]) -> Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("start a program")?;
    let mut stdin = child.stdin.take().context("take the input's pipe")?;
    let writing = async {
        // A program that wants no more closes its end: what it says then is what counts.
        stdin.write_all(input).await.ok();
        drop(stdin);
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), writing);
    output.context("wait for a program")
}

fn succeed(output: Output, arguments: &[&str]) -> Result<Vec<u8>> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "git {}: {}",
        arguments.join(" "),
        said.trim()
    );
    Ok(output.stdout)
}
