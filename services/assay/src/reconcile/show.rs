//! Owns how a comparison is told of: in words, and as JSON.

use contract::name::SourceName;
use serde_json::{Value, json};

use super::Ended;
use crate::command::Outcome;
use crate::say::say;
use crate::table::{short, table};

/// What came of it, in words. Errors go where errors go.
pub(super) fn outcome(ended: &Ended, plan: bool) {
    let source = &ended.asked.source;
    match &ended.outcome {
        Outcome::Refused(reason) => eprintln!("{source}: refused: {reason}"),
        Outcome::Accepted(result) => {
            accepted(source, result, plan);
            match ended.open {
                Some(0) => say!("  gaps        all closed"),
                Some(open) => say!(
                    "  gaps        {open} still open: see `assay reconcile status --source {source}`"
                ),
                None => {}
            }
            if let Some(reason) = result["incomplete"].as_str() {
                eprintln!("{source}: not everything could be looked at: {reason}");
            }
        }
    }
}

fn accepted(source: &SourceName, result: &Value, plan: bool) {
    let number = |key: &str| result[key].as_i64().unwrap_or(0);
    let since = result["since"].as_str().unwrap_or("?");
    say!("{source}: compared, deliveries since {since}");
    if let Some(reason) = result["not_asked"].as_str() {
        say!("  deliveries  not asked for: {reason}");
    } else {
        say!(
            "  deliveries  {} seen at {} hooks, {} failed, {} lost, {} asked for again",
            number("deliveries"),
            number("hooks"),
            number("failed"),
            number("lost"),
            number("redeliveries"),
        );
    }
    say!(
        "  refs        {} compared in {} repositories, {} elsewhere than recorded",
        number("refs"),
        number("repositories"),
        number("ref_gaps"),
    );
    sample(result);
    if plan {
        say!("  a plan: nothing was asked for, and nothing recorded");
    }
}

/// The first few of what is missing.
fn sample(result: &Value) {
    let list = |key: &str| result[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let (missing, found) = (list("missing"), list("found"));
    if missing.is_empty() && found.is_empty() {
        return;
    }
    let mut shown = table(&["missing", "what", "first tried", "status", "action"]);
    for one in &missing {
        shown.add_row([
            text(&one["kind"]),
            text(&one["delivery"]),
            text(&one["first_attempt_at"]),
            one["last_status"].to_string(),
            text(&one["action"]),
        ]);
    }
    for one in &found {
        let at = one["after"].as_str().map_or("gone".to_owned(), short);
        let what = format!("{} {} {at}", text(&one["repository"]), text(&one["ref"]));
        shown.add_row([
            "ref".to_owned(),
            what,
            String::new(),
            String::new(),
            "record".to_owned(),
        ]);
    }
    say!("{shown}");
}

/// What came of it, for machines.
pub(super) fn json(ended: &Ended) -> Value {
    let mut said = json!({
        "source": ended.asked.source,
        "command": ended.asked.command,
        "open_gaps": ended.open,
    });
    match &ended.outcome {
        Outcome::Refused(reason) => {
            said["outcome"] = json!("refused");
            said["reason"] = json!(reason);
        }
        Outcome::Accepted(result) => {
            said["outcome"] = json!("accepted");
            said["result"] = result.clone();
        }
    }
    said
}
