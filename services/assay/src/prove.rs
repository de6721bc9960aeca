//! Owns `assay prove`: a proof is a file that needs neither us nor a network.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use auditor::prove::{self, Proven};
use clap::Args;
use contract::ids::{AuditEntryId, DeliveryId};
use contract::time::to_text;
use objects::store::Objects;
use process::exit;
use process::settings::Settings;
use proofs::entry::EntryText;
use store::covered;
use store::pool::Connection;
use store::view::gone;
use store::view::provable::{self, EntryOfTraceRow, ProvableRow};
use tlog::key::VerifyingKey;
use tlog::proof_file::ProofFile;
use uuid::Uuid;

use crate::context::Context;
use crate::log::verifying_key;
use crate::say::say;

/// Fewest digits of an id's beginning.
const PREFIX_DIGITS_MIN: usize = 4;
/// Digits of an id.
const ID_DIGITS: usize = 32;

/// What is proven.
#[derive(Debug, Args)]
pub(crate) struct Prove {
    /// The attempt, verification or delivery: its id, or the beginning of it.
    id: String,
    /// Where the proof is written; with --all a folder.
    #[arg(long, short)]
    output: PathBuf,
    /// Also write the ledger row that is proven, as JSON, for `check-proof --row`.
    #[arg(long, conflicts_with = "all")]
    row: Option<PathBuf>,
    /// Prove every entry of the delivery that it is of, each in a file of its own, and write every
    /// row that they cover.
    #[arg(long)]
    all: bool,
    /// The key to trust, as `assay up` prints it; else the settings'.
    #[arg(long)]
    key: Option<String>,
}

pub(crate) async fn prove(context: &Context, asked: &Prove) -> anyhow::Result<u8> {
    let key = verifying_key(context, asked.key.clone())?;
    let mut ledger = context.reader().await?;
    let Some(row) = find(&mut ledger, &asked.id).await? else {
        return Ok(exit::FAILED);
    };
    let entries = entries(&mut ledger, &row).await?;
    tell_gone(&mut ledger, row.delivery_id).await?;
    let mut prover = Prover {
        tiles: published(&context.settings),
        key,
        ledger,
    };
    if asked.all {
        return prover.all(&entries, &asked.output).await;
    }
    let covering = entries.iter().find_map(|entry| {
        let text = EntryText::read(entry.entry.as_bytes())?;
        let covers = |each: &proofs::entry::CoveredText| {
            each.table == row.table_name && each.key == row.id.to_string()
        };
        text.rows.iter().any(covers).then_some(entry)
    });
    let Some(covering) = covering else {
        bail!(
            "no audit entry covers the row {} of {}",
            row.id,
            row.table_name
        );
    };
    prover.write(covering, &asked.output).await?;
    if let Some(file) = &asked.row {
        let rows = covered::texts(&mut prover.ledger, &row.table_name, &[row.id]).await?;
        let (_, text) = rows.unwrap_or_default().pop().context("the row is gone")?;
        fs::write(file, text + "\n").with_context(|| format!("write {}", file.display()))?;
        say!(
            "wrote the row {} of {} to {}",
            row.id,
            row.table_name,
            file.display()
        );
    }
    say!(
        "check it anywhere, without us: assay check-proof {} --key '{}'",
        asked.output.display(),
        prover.key.as_str()
    );
    Ok(exit::OK)
}

/// Says what is gone of what is proven: the proof is of the rows, and holds without it.
async fn tell_gone(ledger: &mut Connection, delivery: Uuid) -> anyhow::Result<()> {
    let gone = gone::of_delivery(ledger, delivery).await?;
    if let Some(at) = gone.erased_at {
        say!("who pushed it was erased on {}", to_text(at));
    }
    for (what, at) in [
        ("raw body", gone.body_removed_at),
        ("snapshot", gone.snapshot_removed_at),
        ("log", gone.log_removed_at),
    ] {
        if let Some(at) = at {
            say!(
                "its {what} was removed on {}: the row and its proof hold",
                to_text(at)
            );
        }
    }
    Ok(())
}

/// Finds the row by its id or the beginning of it.
async fn find(ledger: &mut Connection, text: &str) -> anyhow::Result<Option<ProvableRow>> {
    let Some((first, last)) = range(text) else {
        bail!("{text:?} is no id, nor {PREFIX_DIGITS_MIN} or more digits of one's beginning");
    };
    let mut found = provable::between(ledger, first, last).await?;
    if found.len() > 1 {
        let named: Vec<String> = found
            .iter()
            .map(|row| format!("{} {}", row.table_name, row.id))
            .collect();
        bail!("{text} is the beginning of several: {}", named.join(", "));
    }
    if found.is_empty() {
        eprintln!("no attempt, verification or delivery has an id that begins with {text}");
    }
    Ok(found.pop())
}

/// The smallest and the largest id that begin so.
fn range(text: &str) -> Option<(Uuid, Uuid)> {
    let digits = text.replace('-', "");
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !(PREFIX_DIGITS_MIN..=ID_DIGITS).contains(&digits.len()) {
        return None;
    }
    let filled = |digit: &str| format!("{digits}{}", digit.repeat(ID_DIGITS - digits.len()));
    Some((filled("0").parse().ok()?, filled("f").parse().ok()?))
}

async fn entries(
    ledger: &mut Connection,
    row: &ProvableRow,
) -> anyhow::Result<Vec<EntryOfTraceRow>> {
    let delivery: DeliveryId = row.delivery_id.to_string().parse()?;
    let trace = delivery.trace_id().to_string();
    let entries = provable::entries_of_trace(ledger, &trace).await?;
    let words = format!("\"{}\"", row.id);
    if entries.iter().any(|entry| entry.entry.contains(&words)) {
        return Ok(entries);
    }
    Ok(provable::entries_with(ledger, &words).await?)
}

/// What makes proofs.
struct Prover {
    ledger: Connection,
    /// The published log: with it a proof reads a few tiles, without it every leaf's hash.
    tiles: Option<Objects>,
    key: VerifyingKey,
}

/// The published log, where it can be had from here.
fn published(settings: &Settings) -> Option<Objects> {
    let objects = &settings.objects;
    // To open a folder makes it: nobody asked for one.
    let is_there = objects.s3.is_some() || objects.folder.is_dir();
    is_there.then(|| service::objects::open(settings).ok())?
}

impl Prover {
    async fn all(&mut self, entries: &[EntryOfTraceRow], folder: &Path) -> anyhow::Result<u8> {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        for entry in entries {
            let Some(text) = EntryText::read(entry.entry.as_bytes()) else {
                bail!("the entry {} cannot be read", entry.id);
            };
            let name = format!("{}-{}.tlog-proof", text.action, entry.id);
            self.write(entry, &folder.join(name)).await?;
            for row in &text.rows {
                let first = row.key.split('/').next().and_then(|id| id.parse().ok());
                let ids: Vec<Uuid> = first.into_iter().collect();
                let texts = covered::texts(&mut self.ledger, &row.table, &ids).await?;
                let mut texts = texts.unwrap_or_default().into_iter();
                let Some((_, text)) = texts.find(|(found, _)| found.key == row.key) else {
                    bail!("the row {} of {} is gone", row.key, row.table);
                };
                let name = format!("{}-{}.json", row.table, row.key.replace('/', "_"));
                let file = folder.join(name);
                fs::write(&file, text + "\n")
                    .with_context(|| format!("write {}", file.display()))?;
            }
        }
        say!("proved {} entries, in {}", entries.len(), folder.display());
        Ok(exit::OK)
    }

    async fn write(&mut self, entry: &EntryOfTraceRow, output: &Path) -> anyhow::Result<()> {
        let id: AuditEntryId = entry.id.to_string().parse()?;
        let proven = prove::prove(&mut self.ledger, self.tiles.as_ref(), id, &self.key).await;
        let proven = match proven {
            Ok(proven) => proven,
            Err(error) if error.is_too_early() => {
                return Err(error).context("it is signed within a few seconds; try again");
            }
            Err(error) => return Err(error.into()),
        };
        let (size, index) = (proven.checkpoint.size, proven.proof.index);
        let text = file_of(proven).to_text();
        fs::write(output, text).with_context(|| format!("write {}", output.display()))?;
        say!("leaf {index} of {size} proven: {}", output.display());
        Ok(())
    }
}

fn file_of(proven: Proven) -> ProofFile {
    ProofFile {
        extra: Some(proven.entry.into_bytes()),
        index: proven.proof.index,
        path: proven.proof.path,
        note: proven.note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_or_its_beginning_is_a_range_of_ids() {
        let (first, last) = range("0199-ab").unwrap();
        assert_eq!(first.to_string(), "0199ab00-0000-0000-0000-000000000000");
        assert_eq!(last.to_string(), "0199abff-ffff-ffff-ffff-ffffffffffff");
        let whole = "0199ab00-0000-7000-8000-000000000001";
        let (first, last) = range(whole).unwrap();
        assert_eq!(
            (first, last),
            (whole.parse().unwrap(), whole.parse().unwrap())
        );
        for text in ["", "019", "019g", &"0".repeat(33), "größe"] {
            assert_eq!(range(text), None, "{text}");
        }
    }
}
