//! Owns `assay reconcile status`: the last comparisons, and the gaps with their ages.

use chrono::TimeDelta;
use contract::name::SourceName;
use contract::time::{Timestamp, now, to_text};
use forge_api::github::KEPT_DAYS;
use process::exit;
use serde_json::json;
use store::reconciliation::ReconciliationRow;
use store::view::gaps::{self, Gap, Standing};

use crate::context::Context;
use crate::say::say;
use crate::table::{short, table};

pub(super) async fn status(
    context: &Context,
    source: Option<&SourceName>,
    last: i64,
    as_json: bool,
) -> anyhow::Result<u8> {
    let mut ledger = context.reader().await?;
    let at = now();
    let kept_since = at - TimeDelta::days(KEPT_DAYS);
    let runs = gaps::comparisons(&mut ledger, source, last).await?;
    let mut standing = gaps::standing(&mut ledger, kept_since).await?;
    standing.retain(|row| source.is_none_or(|source| row.source == source.as_str()));
    let gaps = gaps::gaps(&mut ledger, source, kept_since, last).await?;
    if as_json {
        let said = json!({
            "at": to_text(at), "comparisons": runs, "standing": standing, "gaps": gaps,
        });
        say!("{}", serde_json::to_string_pretty(&said)?);
        return Ok(exit::OK);
    }
    if runs.is_empty() {
        say!("nothing was compared yet: `assay reconcile` asks for it");
        return Ok(exit::OK);
    }
    show_runs(&runs, at);
    for row in &standing {
        show_standing(row, at);
    }
    if standing.is_empty() {
        say!("no gap was ever found");
    } else {
        show_gaps(&gaps, at);
    }
    Ok(exit::OK)
}

fn show_runs(runs: &[ReconciliationRow], at: Timestamp) {
    let headings = [
        "source",
        "age",
        "cause",
        "deliveries",
        "missing",
        "refs",
        "elsewhere",
        "outcome",
    ];
    let mut shown = table(&headings);
    for run in runs {
        let cause = run.cause.split(':').next().unwrap_or_default();
        let reason = run.reason.as_ref().map(|reason| format!(": {reason}"));
        shown.add_row([
            run.source.clone(),
            age(at - run.began_at),
            cause.to_owned(),
            run.deliveries.to_string(),
            run.delivery_gaps.to_string(),
            run.refs.to_string(),
            run.ref_gaps.to_string(),
            format!("{}{}", run.outcome, reason.unwrap_or_default()),
        ]);
    }
    say!("{shown}");
}

fn show_standing(row: &Standing, at: Timestamp) {
    let Standing {
        source,
        kind,
        found,
        closed,
        open,
        expired,
        oldest_open_at,
    } = row;
    let oldest = oldest_open_at.map(|oldest| format!(", the oldest for {}", age(at - oldest)));
    let oldest = oldest.unwrap_or_default();
    say!("{source} {kind}: {found} found, {closed} closed, {open} open{oldest}, {expired} expired");
}

fn show_gaps(gaps: &[Gap], at: Timestamp) {
    let mut shown = table(&["gap", "what", "missing for", "status", "action"]);
    for gap in gaps {
        let what = match (&gap.repository, &gap.ref_name) {
            (Some(repository), Some(name)) => {
                let at = gap.after_sha.as_deref().map_or("gone".to_owned(), short);
                format!("{repository} {name} {at}")
            }
            _ => format!("{} {}", gap.source, gap.subject),
        };
        let since = gap.first_attempt_at.unwrap_or(gap.found_at);
        let missing = match gap.closed_at {
            Some(closed) => format!("{}, closed", age(closed - since)),
            None if gap.expired => format!("{}, expired", age(at - since)),
            None => age(at - since),
        };
        let status = gap.last_status.map(|status| status.to_string());
        shown.add_row([
            gap.kind.clone(),
            what,
            missing,
            status.unwrap_or_default(),
            gap.action.clone(),
        ]);
    }
    say!("{shown}");
}

/// A span in its largest unit.
fn age(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_the_unit_that_fits() {
        for (seconds, told) in [
            (-5, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(age(TimeDelta::seconds(seconds)), told);
        }
    }
}
