//! Owns `assay roster`: sessions for a whole class, from a list.

mod class;
mod csv;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use contract::command::SessionOpenRequested;
use contract::ids::CommandId;
use contract::name::Slug;
use process::exit;
use store::lab_session;
use store::pool::Connection;

use crate::cli::Who;
use crate::command::{Outcome, send};
use crate::context::Context;
use crate::roster::class::Learner;
use crate::say::say;

/// What `assay roster` is asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum RosterOrder {
    /// Open a session for each line of a list (CSV) that has none: give it again as often as you
    /// like. The first line names the columns: repository (source:owner/name), lab and starting (the
    /// commit that the learner starts from); others are not looked at.
    Import {
        /// The list.
        list: PathBuf,
        /// The lab of lines that name none.
        #[arg(long)]
        lab: Option<Slug>,
        /// Only say what would be done.
        #[arg(long)]
        plan: bool,
        #[command(flatten)]
        who: Who,
    },
}

/// What was found and done.
#[derive(Default)]
struct Tally {
    opened: usize,
    there: usize,
    refused: usize,
}

pub(crate) async fn roster(context: &Context, order: RosterOrder) -> anyhow::Result<u8> {
    let RosterOrder::Import {
        list,
        lab,
        plan,
        who,
    } = order;
    let Some(learners) = read(&list, lab.as_ref())? else {
        return Ok(exit::BAD_SETTING);
    };
    let mut ledger = context.reader().await?;
    let mut labs = BTreeMap::new();
    for learner in &learners {
        if labs.contains_key(&learner.lab) {
            continue;
        }
        let Some(version) = lab_session::newest_version(&mut ledger, &learner.lab).await? else {
            let Learner { line, lab, .. } = learner;
            eprintln!("line {line}: no lab {lab} is published: nothing was done");
            return Ok(exit::FAILED);
        };
        labs.insert(learner.lab.clone(), version.lab_id);
    }
    let mut tally = Tally::default();
    for learner in &learners {
        let lab = labs[&learner.lab];
        if has_session(&mut ledger, learner, lab).await? {
            tally.there += 1;
        } else if plan {
            let Learner {
                line,
                lab,
                repository,
                ..
            } = learner;
            say!("line {line}: a session of {lab} for {repository} would be opened");
            tally.opened += 1;
        } else {
            open(context, learner, &who, &mut tally).await?;
        }
    }
    let Tally {
        opened,
        there,
        refused,
    } = tally;
    let word = if plan { "to be opened" } else { "opened" };
    say!("{opened} sessions {word}, {there} there before, {refused} refused");
    Ok(if refused == 0 { exit::OK } else { exit::FAILED })
}

/// Reads the list; `None` after saying what is wrong with it.
fn read(list: &Path, lab: Option<&Slug>) -> anyhow::Result<Option<Vec<Learner>>> {
    let text = std::fs::read_to_string(list).context("read the list")?;
    match class::read(&text, lab) {
        Ok(learners) => Ok(Some(learners)),
        Err(mistakes) => {
            for mistake in &mistakes {
                eprintln!("line {}: {}", mistake.line, mistake.what);
            }
            eprintln!("nothing was done: {} lines are wrong", mistakes.len());
            Ok(None)
        }
    }
}

async fn has_session(
    ledger: &mut Connection,
    learner: &Learner,
    lab: uuid::Uuid,
) -> anyhow::Result<bool> {
    let repository = learner.repository.as_str();
    let sessions = lab_session::of_repositories(ledger, &[repository]).await?;
    Ok(sessions.iter().any(|session| session.lab_id == lab))
}

/// Opens a learner's session, and says what became of it.
async fn open(
    context: &Context,
    learner: &Learner,
    who: &Who,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let command = CommandId::new();
    let order = SessionOpenRequested {
        command,
        actor: who.actor.clone(),
        lab: learner.lab.clone(),
        repository: learner.repository.clone(),
        starting: learner.starting.clone(),
    };
    let (line, repository) = (learner.line, &learner.repository);
    let sent = send(context, command, &order).await;
    let sent = sent.with_context(|| {
        format!(
            "line {line}: {} sessions were opened before it; give the same list again",
            tally.opened
        )
    })?;
    match sent {
        Outcome::Accepted(result) => {
            let session = result["session"].as_str().unwrap_or_default();
            say!("line {line}: session {session} for {repository}");
            tally.opened += 1;
        }
        Outcome::Refused(reason) => {
            eprintln!("line {line}: refused: {reason}");
            tally.refused += 1;
        }
    }
    Ok(())
}
