//! Owns Postgres' own client programs: finds those that suit a server, and runs them. What they may
//! say of rows is shown to nobody.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use crate::child::environment;
use crate::error::{ServerError, file};
use crate::program;

/// How many lines of what a program said are shown.
const SAID_LINES_MAX: usize = 15;
/// Words of lines that may show what is in a row.
const OF_ROWS: [&str; 4] = ["CONTEXT:", "DETAIL:", "Command was:", "STATEMENT:"];

/// Client programs that suit a server.
#[derive(Clone, Debug)]
pub struct Clients {
    folder: PathBuf,
    /// Their major version.
    pub major: u32,
}

/// Where a client connects, without a password, and the password.
pub struct Login<'a> {
    /// A URL, as `postgres://role@host/database`.
    pub url: &'a str,
    /// The password; never on a command line, where everybody sees it.
    pub password: Option<&'a str>,
}

impl Clients {
    /// Finds the programs for a server of a major version.
    ///
    /// # Errors
    /// [`ServerError::NoProgram`].
    pub fn find(server_major: u32) -> Result<Self, ServerError> {
        let found = program::postgres_clients(server_major)?;
        Ok(Self {
            folder: found.folder,
            major: found.major,
        })
    }

    /// Runs `pg_dump` to its end; it ends when this is dropped.
    ///
    /// # Errors
    /// [`ServerError::Client`] with what it said, or that it did not start.
    pub async fn dump(&self, login: &Login<'_>, arguments: &[OsString]) -> Result<(), ServerError> {
        self.run("pg_dump", login, arguments).await
    }

    /// Runs `pg_restore` to its end; it ends when this is dropped.
    ///
    /// # Errors
    /// As [`Clients::dump`].
    pub async fn restore(
        &self,
        login: &Login<'_>,
        arguments: &[OsString],
    ) -> Result<(), ServerError> {
        self.run("pg_restore", login, arguments).await
    }

    async fn run(
        &self,
        name: &'static str,
        login: &Login<'_>,
        arguments: &[OsString],
    ) -> Result<(), ServerError> {
        let program = self.folder.join(name);
        let mut command = Command::new(&program);
        command
            .arg("--dbname")
            .arg(login.url)
            .arg("--no-password")
            .args(arguments)
            .env_clear()
            .envs(environment())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(password) = login.password {
            command.env("PGPASSWORD", password);
        }
        let output = command.output().await.map_err(file("start", &program))?;
        if output.status.success() {
            return Ok(());
        }
        Err(ServerError::Client {
            program: name,
            status: output.status,
            said: said(&String::from_utf8_lossy(&output.stderr)),
        })
    }
}

/// The last lines that a program said, without those that may show rows.
fn said(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !OF_ROWS.iter().any(|words| line.contains(words)))
        .collect();
    lines[lines.len().saturating_sub(SAID_LINES_MAX)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_of_rows_is_not_shown() {
        let text = "pg_restore: error: could not execute query: ERROR:  duplicate key\n\
                    DETAIL:  Key (login)=(ada) already exists.\n\
                    CONTEXT:  COPY person, line 1: \"ada\"\n\
                    Command was: COPY privacy.person\n";
        assert_eq!(
            said(text),
            "pg_restore: error: could not execute query: ERROR:  duplicate key"
        );
    }
}
