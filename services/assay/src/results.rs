//! Owns `assay results`: each session's counting result, for people and for machines.

use contract::name::Slug;
use contract::time::to_text;
use process::exit;
use store::view::results::{self, SessionResult};

use crate::cli::Form;
use crate::context::Context;
use crate::say::say;
use crate::table::{short, table};

const COLUMNS: [&str; 11] = [
    "repository",
    "result",
    "points",
    "of",
    "commit",
    "received",
    "attempts",
    "late",
    "errors",
    "waiting",
    "data",
];

pub(crate) async fn results(context: &Context, lab: &Slug, form: Form) -> anyhow::Result<u8> {
    let mut ledger = context.reader().await?;
    let rows = results::of_lab(&mut ledger, lab).await?;
    if form.json {
        say!("{}", serde_json::to_string_pretty(&rows)?);
    } else if form.csv {
        say!("{}", COLUMNS.join(","));
        for row in &rows {
            let cells: Vec<String> = cells(row, false).iter().map(|cell| quoted(cell)).collect();
            say!("{}", cells.join(","));
        }
    } else if rows.is_empty() {
        say!("no session of {lab} is open");
    } else {
        let mut shown = table(&COLUMNS);
        for row in &rows {
            shown.add_row(cells(row, true));
        }
        say!("{shown}");
    }
    Ok(exit::OK)
}

fn cells(row: &SessionResult, shorten: bool) -> [String; 11] {
    let commit = row.commit_sha.as_deref().unwrap_or_default();
    [
        row.repository.clone(),
        row.result.clone().unwrap_or_else(|| "none yet".to_owned()),
        row.points.unwrap_or(0).to_string(),
        row.points_max.to_string(),
        if shorten {
            short(commit)
        } else {
            commit.to_owned()
        },
        row.received_at.map(to_text).unwrap_or_default(),
        row.attempts.to_string(),
        row.late.to_string(),
        row.errors.to_string(),
        row.waiting.to_string(),
        row.gone.clone().unwrap_or_default(),
    ]
}

/// A cell as RFC 4180 has it; one that a spreadsheet would take for a formula is made a text.
fn quoted(cell: &str) -> String {
    let harmless = if cell.starts_with(['=', '+', '-', '@']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if harmless.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", harmless.replace('"', "\"\""))
    } else {
        harmless
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_cell_stays_one_cell_and_is_no_formula() {
        for (cell, written) in [
            ("a", "a"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=1+1", "'=1+1"),
            ("", ""),
        ] {
            assert_eq!(quoted(cell), written);
        }
    }
}
