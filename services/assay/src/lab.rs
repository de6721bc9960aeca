//! Owns `assay lab`: publish, check, list, show.

use anyhow::Context as _;
use contract::command::LabPublishRequested;
use contract::ids::CommandId;
use contract::name::Slug;
use contract::time::to_text;
use process::exit;
use store::lab_version::{self, NamedVersion};

use crate::cli::{LabOrder, Who};
use crate::command::{Outcome, send};
use crate::context::Context;
use crate::say::say;
use crate::table::{short, table};

pub(crate) mod check;

/// Most versions that a list shows.
const VERSIONS_MAX: i64 = 10_000;

pub(crate) async fn lab(context: &Context, order: LabOrder) -> anyhow::Result<u8> {
    match order {
        LabOrder::Publish {
            location,
            reference,
            who,
        } => match publish(context, location, reference, &who).await? {
            Outcome::Accepted(result) => {
                say!("accepted: {}", sentence(&result));
                Ok(exit::OK)
            }
            Outcome::Refused(reason) => {
                eprintln!("refused: {reason}");
                Ok(exit::FAILED)
            }
        },
        LabOrder::Check { folder, json } => check::check(&folder, json),
        LabOrder::List => list(context).await,
        LabOrder::Show { lab } => show(context, &lab).await,
    }
}

/// Orders a lab published and waits for the outcome.
pub(crate) async fn publish(
    context: &Context,
    location: String,
    reference: Option<String>,
    who: &Who,
) -> anyhow::Result<Outcome> {
    // A path means the same to the service, wherever that was started.
    let location = match std::fs::canonicalize(&location) {
        Ok(path) if path.is_dir() => path
            .into_os_string()
            .into_string()
            .ok()
            .context("the path is not UTF-8")?,
        _ => location,
    };
    let command = CommandId::new();
    let order = LabPublishRequested {
        command,
        actor: who.actor.clone(),
        location,
        reference,
    };
    send(context, command, &order).await
}

fn sentence(result: &serde_json::Value) -> String {
    let text = |key: &str| match &result[key] {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let known = if result["new"] == false {
        " (published before)"
    } else {
        ""
    };
    format!(
        "{} version {}, digest {}{known}",
        text("slug"),
        text("number"),
        text("digest")
    )
}

async fn list(context: &Context) -> anyhow::Result<u8> {
    let versions = versions(context).await?;
    if versions.is_empty() {
        say!("no lab is published: `assay lab publish <git url or path>`");
        return Ok(exit::OK);
    }
    let mut shown = table(&["lab", "version", "title", "digest", "commit", "published"]);
    for NamedVersion { slug, version } in &versions {
        shown.add_row([
            slug.clone(),
            version.number.to_string(),
            version.title.clone(),
            short(&version.digest),
            short(&version.commit_sha),
            to_text(version.recorded_at),
        ]);
    }
    say!("{shown}");
    Ok(exit::OK)
}

async fn show(context: &Context, lab: &Slug) -> anyhow::Result<u8> {
    let versions = versions(context).await?;
    let mut of_lab = versions
        .iter()
        .filter(|named| named.slug == lab.as_str())
        .peekable();
    let Some(newest) = of_lab.peek() else {
        eprintln!("no lab {lab} is published: see `assay lab list`");
        return Ok(exit::FAILED);
    };
    say!("{}: {}", newest.slug, newest.version.title);
    let spec = serde_json::to_string_pretty(&newest.version.spec)?;
    for NamedVersion { version, .. } in of_lab {
        say!(
            "version {}  {}  {} files, {} bytes\n  from {} at {}\n  digest {}",
            version.number,
            to_text(version.recorded_at),
            version.files,
            version.bytes,
            version.location,
            version.commit_sha,
            version.digest,
        );
    }
    say!("the newest asks for:\n{spec}");
    Ok(exit::OK)
}

async fn versions(context: &Context) -> anyhow::Result<Vec<NamedVersion>> {
    let mut ledger = context.reader().await?;
    Ok(lab_version::list(&mut ledger, VERSIONS_MAX).await?)
}
