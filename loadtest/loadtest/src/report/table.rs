//! Owns the report as tables on a terminal.

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

use crate::figures::summary::in_short;
use crate::latency::Percentiles;
use crate::report::{Report, STAGES};

/// The report, for people.
pub fn of(report: &Report) -> String {
    let counts = report
        .counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"));
    let mut said = vec![
        String::new(),
        counts.collect::<Vec<_>>().join(", "),
        format!(
            "answered {}/s for {:.1} s{}",
            in_short(report.answered_per_sec),
            report.sending_secs,
            match report.results_per_sec {
                Some(rate) => format!("; results {}/s, from the first send on", in_short(rate)),
                None => String::new(),
            }
        ),
        stages(report).to_string(),
    ];
    if !report.cpu_ms_per_push.is_empty() || !report.memory_mib_max.is_empty() {
        said.push(processes(report).to_string());
    }
    for step in &report.ramp {
        let word = if step.holds { "holds" } else { "does not hold" };
        said.push(format!(
            "{}/s: p99 {:.1} ms, {word}",
            in_short(step.rate),
            step.p99_ms
        ));
    }
    said.push(format!(
        "load of the machine: {} ({} cores, of whose time others had {:.1} %; a load from memory took \
         {:.0} ns)",
        report.load, report.cores, report.stolen_percent, report.load_ns
    ));
    said.extend(report.drained.clone());
    said.push(match (&report.verdict, report.is_good) {
        (None, _) => "NOT CHECKED: nobody could look into the ledger".to_owned(),
        (Some(_), true) => "checked: nothing is lost, doubled or wrong".to_owned(),
        (Some(said), false) => format!("NOT GOOD: {said:#}"),
    });
    said.join("\n")
}

fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(headings.to_vec());
    table
}

fn stages(report: &Report) -> Table {
    let mut table = table(&[
        "milliseconds",
        "p50",
        "p90",
        "p95",
        "p99",
        "p99.9",
        "max",
        "of",
    ]);
    for stage in STAGES {
        let Some(said) = report.stages.get(stage) else {
            continue;
        };
        let Percentiles {
            p50,
            p90,
            p95,
            p99,
            p999,
            max,
            ..
        } = *said;
        let mut row = vec![stage.to_owned()];
        row.extend([p50, p90, p95, p99, p999, max].map(in_short));
        row.push(said.count.to_string());
        table.add_row(row);
    }
    table
}

fn processes(report: &Report) -> Table {
    let mut table = table(&["process", "CPU ms a push", "most MiB"]);
    for (name, memory) in &report.memory_mib_max {
        let cost = report.cpu_ms_per_push.get(name).copied();
        let cost = cost.map_or_else(String::new, |cost| format!("{cost:.3}"));
        table.add_row([name.clone(), cost, format!("{memory:.1}")]);
    }
    table
}
