//! Owns `assay logs`: what the steps of a verification printed. The kept log is read from the
//! objects; a run that is followed is heard on the bus, where some of it may be lost, and its
//! result is read from the ledger.

use std::time::Duration;

use anyhow::Context as _;
use bus::live::Ear;
use clap::Args;
use contract::ids::{AttemptId, SessionId};
use contract::live::{LiveNote, subject};
use contract::result::StepResult;
use contract::time::to_text;
use objects::owner::Owner;
use process::exit;
use serde_json::{Value, json};
use store::pool::Connection;
use store::removal::{self, RemovalRow};
use store::view::tries::{self, Tried};

use crate::context::Context;
use crate::live::Teller;
use crate::say::{say, text};
use crate::trace;
use crate::verify::show_step;

/// Most tries of an attempt that are looked at.
const TRIES_MAX: i64 = 1_000;
/// How long between two looks for the result, in milliseconds.
const LOOK_MS: u64 = 500;
/// Largest log that is read, in bytes: more than any is.
const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Whose output is shown.
#[derive(Clone, Debug, Args)]
pub(crate) struct Logs {
    /// The attempt; or the delivery that brought it: our id, the forge's id, or the trace id.
    pub(crate) attempt: String,
    /// Follow a verification while it runs, until it has its result.
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// As JSON, for machines; one value a line while it is followed.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn logs(context: &Context, asked: &Logs) -> anyhow::Result<u8> {
    let mut ledger = context.reader().await?;
    let Some(attempt) = attempt(context, &mut ledger, &asked.attempt).await? else {
        eprintln!(
            "nobody asked for a verification of {}: see `assay trace`",
            asked.attempt
        );
        return Ok(exit::FAILED);
    };
    if asked.follow {
        return follow(context, &mut ledger, attempt, asked.json).await;
    }
    let tries = tries::of_attempt(&mut ledger, attempt, TRIES_MAX).await?;
    match tries.iter().find(|tried| tried.result.is_some()) {
        Some(tried) => whole(context, tried, asked.json).await,
        None => {
            eprintln!("attempt {attempt} has no result yet: `assay logs -f {attempt}` follows it");
            Ok(exit::FAILED)
        }
    }
}

/// The attempt of this id, or the one that a delivery brought last.
async fn attempt(
    context: &Context,
    ledger: &mut Connection,
    named: &str,
) -> anyhow::Result<Option<AttemptId>> {
    if let Ok(id) = named.parse::<AttemptId>()
        && !tries::of_attempt(ledger, id, 1).await?.is_empty()
    {
        return Ok(Some(id));
    }
    let found = trace::find(context, ledger, named).await?;
    let last = found.and_then(|timeline| timeline.attempts.last().map(|attempt| attempt.id));
    Ok(last.map(AttemptId::from_uuid))
}

/// Shows a result with its whole log.
async fn whole(context: &Context, tried: &Tried, as_json: bool) -> anyhow::Result<u8> {
    let removed = removed(context, tried).await?;
    let log = match removed {
        Some(_) => None,
        None => kept(context, tried).await?,
    };
    if as_json {
        let mut told = json!(tried);
        told["log"] = json!(log);
        told["log_removed"] = json!(removed.as_ref().map(|row| &row.cause));
        say!("{told:#}");
    } else {
        if let Some(row) = &removed {
            say!(
                "its log was removed on {} by {} (command {})",
                to_text(row.recorded_at),
                row.cause,
                row.cause_id
            );
        }
        text(log.as_deref().unwrap_or_default());
        show(tried);
    }
    Ok(exit::OK)
}

/// The removal of a result's log, if it was removed.
async fn removed(context: &Context, tried: &Tried) -> anyhow::Result<Option<RemovalRow>> {
    let Some(id) = tried.verification_id.filter(|_| tried.log_digest.is_some()) else {
        return Ok(None);
    };
    let mut ledger = context.reader().await?;
    Ok(removal::of_subject(&mut ledger, removal::LOG, id).await?)
}

async fn kept(context: &Context, tried: &Tried) -> anyhow::Result<Option<String>> {
    let Some(digest) = &tried.log_digest else {
        return Ok(None);
    };
    let objects = service::objects::open(&context.settings)?;
    let owner = Owner::Session(SessionId::from_uuid(tried.session_id));
    let digest = digest.parse().context("the log's digest does not read")?;
    let bytes = objects.get(owner, digest, LOG_BYTES_MAX).await;
    let bytes = bytes.context("read the log from the objects")?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn show(tried: &Tried) {
    say!();
    let steps = tried.steps.clone().unwrap_or_default();
    let steps: Vec<StepResult> = serde_json::from_value(steps).unwrap_or_default();
    steps.iter().for_each(show_step);
    let words = [&tried.cause, &tried.detail];
    let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
    let why = if words.is_empty() {
        String::new()
    } else {
        format!(": {}", words.join(": "))
    };
    say!(
        "{}  {} of {} points{why}",
        tried.result.as_deref().unwrap_or("no result yet"),
        tried.points.unwrap_or_default(),
        tried.points_max.unwrap_or_default(),
    );
}

/// Follows the attempt's newest request until it has its result. What a run told before is not
/// heard, and is in the log that is kept.
async fn follow(
    context: &Context,
    ledger: &mut Connection,
    attempt: AttemptId,
    as_json: bool,
) -> anyhow::Result<u8> {
    let bus = context.bus().await?;
    let mut heard = Heard {
        ear: bus.listen(subject(attempt)).await?,
        teller: Teller::default(),
        as_json,
        last: None,
    };
    // Heard from here on: a result that is there now may have been told of in part or not at all.
    if let Some(tried) = done(ledger, attempt).await? {
        return whole(context, &tried, as_json).await;
    }
    loop {
        let looking = tokio::time::timeout(Duration::from_millis(LOOK_MS), heard.next());
        if let Ok(true) = looking.await {
            continue;
        }
        if let Some(tried) = done(ledger, attempt).await? {
            // What was told before the result was written is on its way, or lost.
            if as_json {
                say!("{}", json!(tried));
            } else {
                show(&tried);
                say!("the whole log: `assay logs {attempt}`");
            }
            return Ok(exit::OK);
        }
    }
}

/// The newest request's result, when no other try follows it.
async fn done(ledger: &mut Connection, attempt: AttemptId) -> anyhow::Result<Option<Tried>> {
    let newest = tries::of_attempt(ledger, attempt, 1).await?.pop();
    Ok(newest.filter(|tried| tried.result.is_some() && tried.retry_at.is_none()))
}

/// What is heard of a run.
struct Heard {
    ear: Ear,
    teller: Teller,
    as_json: bool,
    /// The request, the try and the number of the note before.
    last: Option<LiveNote>,
}

impl Heard {
    /// Shows the next note; `false` when there will be no other.
    async fn next(&mut self) -> bool {
        let Some(payload) = self.ear.next().await else {
            return false;
        };
        if self.as_json {
            if let Ok(note) = serde_json::from_slice::<Value>(&payload) {
                say!("{note}");
            }
            return true;
        }
        let Ok(note) = serde_json::from_slice::<LiveNote>(&payload) else {
            return true;
        };
        self.mind_the_gap(&note);
        self.teller.tell(&note.event);
        self.last = Some(note);
        true
    }

    fn mind_the_gap(&mut self, note: &LiveNote) {
        let of_one_try =
            |last: &&LiveNote| (last.request, last.try_number) == (note.request, note.try_number);
        let expected = self.last.as_ref().filter(of_one_try);
        let expected = expected.map_or(0, |last| last.number + 1);
        if note.number > expected {
            self.teller
                .note("some of it was not heard here; the log that is kept will have it");
        }
    }
}
