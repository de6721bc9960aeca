//! Owns the look at a ledger that has grown: the same rates with it as without.

mod multiply;
mod side;

use anyhow::{Result, bail};
use process::settings::service::Service;
use tokio::time::Instant;

use crate::cli::Common;
use crate::figures::Figure;
use crate::figures::summary::in_short;
use crate::growth::multiply::{Done, multiply};
use crate::growth::side::{Rates, Side};
use crate::machine::{free_bytes, memory_mib};
use crate::orders::settle;
use crate::shape::{Bodies, MEASURED};

/// How often both ledgers are measured, in turns: a machine changes its pace.
const ROUNDS: usize = 5;
/// Deliveries of the two parts of what there will be copies of, at most.
const MODEL_COUNT_MAX: u64 = 10_000;
/// How large Postgres may become for each attempt, in bytes, with its log: what is said beforehand.
const BYTES_PER_ATTEMPT: u64 = 6 * 1024;
/// How large the empty one beside it may become, with its log, in GiB.
const EMPTY_GIB: u64 = 20;
const GIB: u64 = 1024 * 1024 * 1024;

/// Says how much room a ledger of so many attempts takes: without it a run would end after a quarter of an
/// hour of filling.
fn find_room(attempts: u64) -> Result<()> {
    let place = std::env::temp_dir();
    let need = (attempts * BYTES_PER_ATTEMPT).div_ceil(GIB) + EMPTY_GIB;
    let free = free_bytes(&place)? / GIB;
    let folder = place.display();
    if free < need {
        bail!(
            "a ledger of {attempts} attempts takes up to {need} GiB, and {folder} has {free}: make room, name \
             another folder by TMPDIR, or ask for fewer by --attempts"
        );
    }
    println!(
        "a ledger of {attempts} attempts takes up to {need} of {free} GiB in {folder}, until the end"
    );
    Ok(())
}

/// Measures with an empty ledger and with one of so many attempts, by so many deliveries each, with these
/// settings of Postgres.
///
/// # Errors
/// A house that does not get ready, or what Postgres says.
pub async fn growth(
    attempts: u64,
    count: u64,
    postgres: Vec<String>,
    common: &Common,
) -> Result<u8> {
    if common.elsewhere.url.is_some() {
        bail!("nobody else's ledger is filled with copies: leave --url out");
    }
    let common = Common {
        bodies: Bodies::Fixed(MEASURED),
        ..common.clone()
    };
    find_room(attempts)?;
    let settings = match postgres.is_empty() {
        true => tuning(memory_mib()?),
        false => postgres,
    };
    let model = count.min(MODEL_COUNT_MAX);
    let mut grown = Side::start(settings.clone(), model, &common).await?;
    println!("Postgres: {}", grown.settings().await?);
    // Said before anything is filled.
    grown.prepare_to_read().await?;
    grown.measure().await?;
    let there = grown.ledger.written().await?.attempts.max(1);
    let copies = attempts.div_ceil(there);
    fill(&mut grown, (there, copies), common.quiet).await?;
    let mut empty = Side::start(settings, count, &common).await?;
    grown.count = count;
    let before = grown.scans().await?;
    let mut shares = Shares::default();
    for round in 1..=ROUNDS {
        let rates = (empty.measure().await?, grown.measure().await?);
        for (name, rates) in [("empty", rates.0), ("grown", rates.1)] {
            println!(
                "{round} of {ROUNDS}, {name}: {} attempts/s written, {} results/s, {:.1} pages logged whole a \
                 push, others had {:.1} % of the processors",
                in_short(rates.writer),
                in_short(rates.pipeline),
                rates.full_pages,
                rates.stolen
            );
        }
        shares.add(rates);
    }
    let after = grown.scans().await?;
    let read: Vec<&str> = after
        .iter()
        .filter(|(table, scans)| before.get(*table).is_none_or(|before| before < scans))
        .map(|(table, _)| table.as_str())
        .collect();
    match &*read {
        [] => println!("no large table was read from its begin to its end"),
        tables => println!("read from begin to end: {}", tables.join(", ")),
    }
    let figures = [
        Figure::measured("growth.writer-share", median(shares.writer), "ratio"),
        Figure::measured("growth.pipeline-share", median(shares.pipeline), "ratio"),
        Figure::measured("growth.queries-without-index", read.len() as f64, "queries"),
        Figure::measured("growth.attempts", (there * (copies + 1)) as f64, "attempts"),
    ];
    settle(&figures, &common)
}

/// What the grown ledger's rates are of the empty one's, round by round.
#[derive(Debug, Default)]
struct Shares {
    writer: Vec<f64>,
    pipeline: Vec<f64>,
}

impl Shares {
    fn add(&mut self, (empty, grown): (Rates, Rates)) {
        self.writer.push(grown.writer / empty.writer);
        self.pipeline.push(grown.pipeline / empty.pipeline);
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Settings for a server that has a machine of so much memory for itself, in MiB. Ids of deliveries are in no
/// order: each push meets pages anywhere in the indexes that begin with them, and these are to be in memory.
/// Where an index is large, nearly every entry is the first on its page since the last checkpoint, and has
/// the page logged whole: checkpoints are to be rare, and those pages small.
fn tuning(memory_mib: u64) -> Vec<String> {
    vec![
        format!("shared_buffers={}MB", memory_mib * 2 / 5),
        "max_wal_size=12GB".to_owned(),
        "checkpoint_timeout=30min".to_owned(),
        "wal_compression=lz4".to_owned(),
    ]
}

/// Fills the ledger with copies of the attempts that are there, and says what that took.
async fn fill(grown: &mut Side, (there, copies): (u64, u64), is_quiet: bool) -> Result<()> {
    let began = Instant::now();
    // Whoever reads the ledger now and then would do so without its indexes, and hold them up.
    let is_reader = |service: &Service| *service != Service::WebhookIngest;
    for service in Service::ALL.into_iter().filter(is_reader) {
        grown.house.stop(service).await?;
    }
    multiply(&grown.owner, copies, |done| match done {
        _ if is_quiet => {}
        Done::Copies(done) => {
            let (now, last) = (there * (done + 1), there * (copies + 1));
            eprintln!("{now} of {last} attempts are there");
        }
        Done::Indexes(table) => eprintln!("the indexes of {table} are there"),
    })
    .await?;
    let indexes = grown.read_indexes().await?;
    for service in Service::ALL.into_iter().filter(is_reader) {
        grown.house.start_again(service).await?;
    }
    let size: i64 = grown
        .owner
        .query_one("SELECT pg_database_size(current_database())", &[])
        .await?
        .get(0);
    println!(
        "{} attempts were written in {:.0} s, and take {:.1} GiB, {:.1} of them indexes",
        there * (copies + 1),
        began.elapsed().as_secs_f64(),
        gib(size as f64),
        gib(indexes as f64)
    );
    Ok(())
}

fn gib(bytes: f64) -> f64 {
    bytes / 1024.0 / 1024.0 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_round_that_is_out_of_line_decides_nothing() {
        let mut shares = Shares::default();
        for (empty, grown) in [(100.0, 90.0), (200.0, 20.0), (50.0, 48.0)] {
            let both = |writer| Rates {
                writer,
                pipeline: writer * 2.0,
                ..Rates::default()
            };
            shares.add((both(empty), both(grown)));
        }
        assert_eq!(median(shares.writer), 0.9);
        assert_eq!(median(shares.pipeline), 0.9);
    }
}
