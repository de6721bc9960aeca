//! Owns `assay reconcile`: have sources compared with their forges, and see how that stands.

mod follow;
mod show;
mod status;

use clap::{Args, Subcommand};
use contract::command::ReconcileRequested;
use contract::ids::CommandId;
use contract::name::{Repository, SourceName};
use process::exit;
use serde_json::{Value, json};

use crate::cli::Who;
use crate::command::Outcome;
use crate::context::Context;
use crate::moment::Moment;
use crate::say::say;

/// What `assay reconcile` is asked for.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Reconcile {
    #[command(subcommand)]
    order: Option<ReconcileOrder>,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Debug, Subcommand)]
enum ReconcileOrder {
    /// How it stands: the last comparisons, and the gaps with their ages.
    Status {
        /// One source; else all.
        #[arg(long)]
        source: Option<SourceName>,
        /// Most comparisons that are shown, and most gaps.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
        last: u16,
        /// As JSON, for machines.
        #[arg(long)]
        json: bool,
    },
}

/// What is to be compared.
#[derive(Debug, Args)]
struct Wanted {
    /// The source; else each that the settings name.
    #[arg(long)]
    source: Option<SourceName>,
    /// One repository alone, as source:owner/name.
    #[arg(long)]
    repository: Option<Repository>,
    /// Deliveries made at or after: 2d ago, or a time; else since the last comparison that saw all.
    #[arg(long)]
    since: Option<Moment>,
    /// Only say what is missing; ask the forge for nothing again, and record nothing.
    #[arg(long)]
    plan: bool,
    /// Do not wait for the outcome.
    #[arg(long)]
    detach: bool,
    /// Why, for the record; no personal data.
    #[arg(long, default_value = "asked for by hand")]
    reason: String,
    /// As JSON, for machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    who: Who,
}

/// A comparison that was asked for.
struct Asked {
    command: CommandId,
    source: SourceName,
}

/// What came of one.
struct Ended {
    asked: Asked,
    outcome: Outcome,
    /// Gaps of the source that are open still; `None` where nobody waited for them.
    open: Option<i64>,
}

pub(crate) async fn reconcile(context: &Context, asked: Reconcile) -> anyhow::Result<u8> {
    match asked.order {
        Some(ReconcileOrder::Status { source, last, json }) => {
            status::status(context, source.as_ref(), last.into(), json).await
        }
        None => compare(context, asked.wanted).await,
    }
}

async fn compare(context: &Context, wanted: Wanted) -> anyhow::Result<u8> {
    let configured = context.settings.sources.keys().cloned().collect();
    let sources = match sources(
        configured,
        wanted.source.clone(),
        wanted.repository.as_ref(),
    ) {
        Ok(sources) => sources,
        Err(reason) => {
            eprintln!("{reason}");
            return Ok(exit::BAD_SETTING);
        }
    };
    let bus = context.bus().await?;
    let mut all = Vec::with_capacity(sources.len());
    for source in sources {
        let command = CommandId::new();
        let order = ReconcileRequested {
            command,
            actor: wanted.who.actor.clone(),
            source: source.clone(),
            repository: wanted.repository.clone(),
            since: wanted.since.map(|moment| moment.0),
            reason: wanted.reason.clone(),
            plan: wanted.plan,
        };
        bus.publish(&order).await?;
        all.push(Asked { command, source });
    }
    if wanted.detach {
        return detached(&all, wanted.json);
    }
    let mut ledger = context.reader().await?;
    let mut ended = Vec::with_capacity(all.len());
    for asked in all {
        let outcome = follow::outcome(&bus, &mut ledger, &asked, wanted.json).await?;
        let open = match &outcome {
            Outcome::Accepted(result) if !wanted.plan && follow::is_mended(result) => {
                Some(follow::closed(&mut ledger, &asked.source, wanted.json).await?)
            }
            Outcome::Accepted(_) | Outcome::Refused(_) => None,
        };
        let one = Ended {
            asked,
            outcome,
            open,
        };
        if !wanted.json {
            show::outcome(&one, wanted.plan);
        }
        ended.push(one);
    }
    if wanted.json {
        let said: Vec<Value> = ended.iter().map(show::json).collect();
        say!("{}", serde_json::to_string_pretty(&said)?);
    }
    let good = ended.iter().all(is_good);
    Ok(if good { exit::OK } else { exit::FAILED })
}

/// Which sources are meant.
fn sources(
    configured: Vec<SourceName>,
    source: Option<SourceName>,
    repository: Option<&Repository>,
) -> Result<Vec<SourceName>, String> {
    match (source, repository.map(Repository::source)) {
        (Some(source), Some(other)) if source != other => {
            Err(format!("the repository is of source {other}, not {source}"))
        }
        (Some(source), _) | (None, Some(source)) => {
            if configured.is_empty() || configured.contains(&source) {
                return Ok(vec![source]);
            }
            let known: Vec<&str> = configured.iter().map(SourceName::as_str).collect();
            Err(format!(
                "no source {source} is configured; there is {}",
                known.join(", ")
            ))
        }
        (None, None) if configured.is_empty() => {
            Err("the settings name no source: say which, --source".to_owned())
        }
        (None, None) => Ok(configured),
    }
}

fn detached(all: &[Asked], as_json: bool) -> anyhow::Result<u8> {
    if as_json {
        let asked = all.iter();
        let asked = asked.map(|one| json!({ "source": one.source, "command": one.command }));
        say!(
            "{}",
            serde_json::to_string_pretty(&asked.collect::<Vec<_>>())?
        );
        return Ok(exit::OK);
    }
    for Asked { command, source } in all {
        say!("{source}: asked for, command {command}; see `assay reconcile status`");
    }
    Ok(exit::OK)
}

/// Whether all was looked at, and nothing is missing any more.
fn is_good(ended: &Ended) -> bool {
    match &ended.outcome {
        Outcome::Refused(_) => false,
        Outcome::Accepted(result) => result["incomplete"].is_null() && ended.open.unwrap_or(0) == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_the_one_that_is_said_or_the_repositorys_or_each() {
        let name = |text: &str| text.parse::<SourceName>().unwrap();
        let configured = || vec![name("gitea"), name("github")];
        let hello: Repository = "github:octo/hello".parse().unwrap();
        let meant = |source: Option<&str>, repository| {
            let source = source.map(name);
            sources(configured(), source, repository)
                .map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(meant(None, None).unwrap(), ["gitea", "github"]);
        assert_eq!(meant(Some("gitea"), None).unwrap(), ["gitea"]);
        assert_eq!(meant(None, Some(&hello)).unwrap(), ["github"]);
        assert_eq!(meant(Some("github"), Some(&hello)).unwrap(), ["github"]);
        assert!(meant(Some("gitea"), Some(&hello)).is_err());
        let unknown = meant(Some("gitlab"), None).unwrap_err();
        assert!(unknown.ends_with("there is gitea, github"), "{unknown}");
        assert!(sources(Vec::new(), None, None).is_err());
        assert_eq!(
            sources(Vec::new(), Some(name("a")), None),
            Ok(vec![name("a")])
        );
    }
}
