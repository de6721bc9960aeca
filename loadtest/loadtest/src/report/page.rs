//! Owns the report as one page that needs nothing else: tables, and plots over time.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::machine::Use;
use crate::report::plot::{Line, lines};
use crate::report::{Report, table};
use crate::watch::Look;

const STYLE: &str = "body{font:15px sans-serif;margin:2em auto;max-width:980px;color:#222}\
    pre{font:13px monospace;overflow-x:auto;background:#f6f6f6;padding:1em}svg{max-width:100%}";

/// The page.
///
/// # Errors
/// What the drawing says.
pub fn of(report: &Report) -> Result<String> {
    let title = format!(
        "{} of {}",
        report.workload,
        report.began_at.format("%Y-%m-%d %H:%M UTC")
    );
    let plots = [
        lines("Rates", "a second", &rates(&report.looks))?,
        lines("Answers", "milliseconds", &latencies(report))?,
        lines(
            "Waiting in the streams",
            "messages",
            &backlog(&report.looks),
        )?,
        lines("Processors", "cores", &processors(&report.looks))?,
        lines("Memory", "MiB", &memory(&report.looks))?,
    ];
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n<p><code>{}</code></p>\n<pre>{}</pre>\n{}\n\
         </body></html>\n",
        escaped(&report.command),
        escaped(&table::of(report)),
        plots.join("\n"),
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What grew between two looks, a second.
fn rate(looks: &[Look], of: impl Fn(&Look) -> f64) -> Vec<(f64, f64)> {
    let pairs = looks.windows(2).filter(|two| two[1].at > two[0].at);
    pairs
        .map(|two| {
            (
                two[1].at,
                (of(&two[1]) - of(&two[0])).max(0.0) / (two[1].at - two[0].at),
            )
        })
        .collect()
}

fn rates(looks: &[Look]) -> Vec<Line> {
    let named =
        |name: &str, of: fn(&Look) -> u64| (name.to_owned(), rate(looks, |look| of(look) as f64));
    vec![
        named("sent", |look| look.sent),
        named("accepted", |look| look.answered),
        named("receipts", |look| look.receipts),
        named("results", |look| look.results),
        named("leaves", |look| look.leaves),
    ]
}

fn latencies(report: &Report) -> Vec<Line> {
    let seconds = &report.by_second;
    let line = |name: &str, of: fn(&crate::latency::Percentiles) -> f64| {
        let points = seconds
            .iter()
            .map(|(second, said)| (*second as f64, of(said)));
        (name.to_owned(), points.collect())
    };
    vec![
        line("p50", |said| said.p50),
        line("p90", |said| said.p90),
        line("p99", |said| said.p99),
        line("max", |said| said.max),
    ]
}

fn backlog(looks: &[Look]) -> Vec<Line> {
    let names: BTreeSet<&String> = looks.iter().flat_map(|look| look.streams.keys()).collect();
    // What is kept for days is no backlog.
    let queues = names
        .into_iter()
        .filter(|name| *name != "FACTS" && *name != "DEAD");
    queues
        .map(|name| {
            let points = looks
                .iter()
                .map(|look| (look.at, look.streams.get(name).copied().unwrap_or(0) as f64));
            (name.clone(), points.collect())
        })
        .collect()
}

fn of_processes(looks: &[Look], line: impl Fn(&str) -> Vec<(f64, f64)>) -> Vec<Line> {
    let names: BTreeSet<&String> = looks
        .iter()
        .flat_map(|look| look.processes.keys())
        .collect();
    names
        .into_iter()
        .map(|name| (name.clone(), line(name)))
        .collect()
}

fn used(look: &Look, name: &str) -> Use {
    look.processes.get(name).copied().unwrap_or_default()
}

fn processors(looks: &[Look]) -> Vec<Line> {
    of_processes(looks, |name| rate(looks, |look| used(look, name).cpu_secs))
}

fn memory(looks: &[Look]) -> Vec<Line> {
    of_processes(looks, |name| {
        looks
            .iter()
            .map(|look| (look.at, used(look, name).memory_mib))
            .collect()
    })
}
