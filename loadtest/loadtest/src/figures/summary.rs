//! Owns the summary of `make bench`: what the benches handed over, beside what was asked for. What
//! is missing is a row with a reason, never left out.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use serde::Serialize;

use crate::figures::expected::{EXPECTED, Expected};
use crate::figures::{Figure, read};

/// One row of the summary.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Row {
    /// What it is.
    pub id: String,
    /// The number, if it was measured.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: String,
    /// What it must be, in words.
    pub must: Option<String>,
    /// Whether it is that; `None` where there is no number, or nothing is asked.
    pub holds: Option<bool>,
    /// Why there is no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Puts what was handed over beside what was asked for, that first. Of two figures of one id the
/// later one counts; what is asked for decides what it must be.
pub fn summarize(figures: &[Figure]) -> Vec<Row> {
    let mut by_id: BTreeMap<&str, &Figure> = BTreeMap::new();
    for figure in figures {
        by_id.insert(&figure.id, figure);
    }
    let asked = EXPECTED
        .iter()
        .map(|expected| match by_id.remove(expected.id) {
            Some(figure) => row(figure, Some(expected)),
            None => missing(expected),
        });
    let mut rows: Vec<Row> = asked.collect();
    rows.extend(by_id.into_values().map(|figure| row(figure, None)));
    rows
}

fn row(figure: &Figure, expected: Option<&Expected>) -> Row {
    let must = expected.and_then(|row| row.must).or(figure.must);
    let reason = || "it was handed over without a number, and without a reason".to_owned();
    Row {
        id: figure.id.clone(),
        value: figure.value,
        unit: figure.unit.clone(),
        must: must.map(|must| must.to_string()),
        holds: must
            .zip(figure.value)
            .map(|(must, value)| must.holds(value)),
        reason: match figure.value {
            Some(_) => figure.reason.clone(),
            None => Some(figure.reason.clone().unwrap_or_else(reason)),
        },
    }
}

fn missing(expected: &Expected) -> Row {
    Row {
        id: expected.id.to_owned(),
        value: None,
        unit: expected.unit.to_owned(),
        must: expected.must.map(|must| must.to_string()),
        holds: None,
        reason: Some(format!("{} did not run, or did not say it", expected.by)),
    }
}

/// Reads every file of a folder that benches wrote.
///
/// # Errors
/// If one cannot be understood.
pub fn collect(folder: &Path) -> Result<Vec<Figure>> {
    let listed = std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in listed {
        let path = entry.context("list the figures")?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
    files.sort();
    let mut figures = Vec::new();
    for file in files {
        figures.extend(read(&file)?);
    }
    Ok(figures)
}

/// The rows for people.
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["figure", "value", "unit", "must", ""]);
    for row in rows {
        let value = row.value.map_or("-".to_owned(), in_short);
        let word = match (row.holds, &row.reason) {
            (Some(true), _) => "holds".to_owned(),
            (Some(false), _) => "DOES NOT HOLD".to_owned(),
            (None, Some(reason)) => reason.clone(),
            (None, None) => String::new(),
        };
        let must = row.must.clone().unwrap_or_default();
        table.add_row([row.id.clone(), value, row.unit.clone(), must, word]);
    }
    table.to_string()
}

/// A number with as many digits as say something.
pub fn in_short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value == value.trunc() => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Must, write};

    #[test]
    fn what_nobody_measured_has_its_row_with_a_reason() {
        let rows = summarize(&[]);
        assert_eq!(rows.len(), EXPECTED.len());
        for row in &rows {
            assert_eq!((row.value, row.holds), (None, None), "{}", row.id);
            assert!(row.reason.as_ref().is_some_and(|reason| !reason.is_empty()));
        }
        assert!(table(&rows).contains("cargo bench -p auditor did not run"));
    }

    #[test]
    fn what_is_asked_for_decides_what_a_figure_must_be() {
        let mut lenient = Figure::measured("verifier.box-overhead", 16.0, "ms");
        lenient.must = Some(Must::AtMost(99.0));
        let mut own = Figure::measured("own.figure", 3.0, "ms");
        own.must = Some(Must::AtLeast(2.0));
        let rows = summarize(&[lenient, own]);
        let of = |id: &str| rows.iter().find(|row| row.id == id).unwrap();
        assert_eq!(of("verifier.box-overhead").holds, Some(false));
        assert_eq!(of("verifier.box-overhead").must.as_deref(), Some("<= 15"));
        assert_eq!(of("own.figure").holds, Some(true));
    }

    #[test]
    fn the_files_of_a_folder_are_read_and_the_later_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let of = |value| vec![Figure::measured("verifier.own-share", value, "%")];
        write(&folder.path().join("a.json"), &of(1.0)).unwrap();
        write(&folder.path().join("b.json"), &of(2.0)).unwrap();
        std::fs::write(folder.path().join("c.txt"), "no figures").unwrap();
        let rows = summarize(&collect(folder.path()).unwrap());
        let row = rows
            .iter()
            .find(|row| row.id == "verifier.own-share")
            .unwrap();
        assert_eq!(row.value, Some(2.0));
        std::fs::write(folder.path().join("d.json"), "{").unwrap();
        let error = format!("{:#}", collect(folder.path()).unwrap_err());
        assert!(error.contains("d.json"), "{error}");
    }
}
