//! Owns what a step used, in words: how it ended, the limit that stopped it, its peaks. No IO.

use serde_json::Value;

const MIB: f64 = 1024.0 * 1024.0;
const KIB: f64 = 1024.0;

/// A line for each step of a try: how it ended and what it used at most.
/// `steps` and `peaks` are those of the try's row; where nothing ran there are none.
pub(crate) fn steps(steps: &Value, peaks: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let peaks = list(peaks);
    let lines = list(steps).into_iter().enumerate().map(|(place, step)| {
        let name = step["name"].as_str().unwrap_or_default();
        let used = peaks.get(place).map(peaks_of).unwrap_or_default();
        format!("step {name}: {}{used}", ending(&step))
    });
    lines.collect()
}

fn ending(step: &Value) -> String {
    if let Some(limit) = step["limit"].as_str() {
        return format!("stopped by its limit of {limit}");
    }
    match (step["exit_code"].as_i64(), step["signal"].as_i64()) {
        (_, Some(signal)) => format!("ended by signal {signal}"),
        (Some(code), None) => format!("exit code {code}"),
        (None, None) => "ended".to_owned(),
    }
}

#[allow(clippy::cast_precision_loss, reason = "tenths are shown")]
fn peaks_of(peaks: &Value) -> String {
    let shown = |name: &str, unit: f64, word: &str| {
        let number = peaks[name].as_u64()?;
        Some(format!("; {:.1} {word}", number as f64 / unit))
    };
    let counted = |name: &str, word: &str| {
        let number = peaks[name].as_u64()?;
        Some(format!("; {number} {word}"))
    };
    let parts = [
        counted("wall_ms", "ms"),
        counted("user_ms", "ms user"),
        counted("system_ms", "ms system"),
        shown("memory_bytes", MIB, "MiB of memory"),
        counted("processes", "processes"),
        shown("disk_bytes", MIB, "MiB written"),
        shown("output_bytes", KIB, "KiB printed"),
    ];
    parts.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_step_tells_its_end_its_limit_and_its_peaks() {
        let used = json!([{
            "wall_ms": 12, "user_ms": 3, "system_ms": 4, "cpu_ms": 7, "memory_bytes": 1_572_864,
            "processes": 2, "disk_bytes": 0, "output_bytes": 512,
        }]);
        for (step, peaks, line) in [
            (
                json!({ "name": "unit", "exit_code": 0 }),
                used,
                "step unit: exit code 0; 12 ms; 3 ms user; 4 ms system; 1.5 MiB of memory; \
                 2 processes; 0.0 MiB written; 0.5 KiB printed",
            ),
            (
                json!({ "name": "unit", "limit": "memory", "signal": 9 }),
                json!([{ "wall_ms": 12, "memory_bytes": null }]),
                "step unit: stopped by its limit of memory; 12 ms",
            ),
            (
                json!({ "name": "unit", "signal": 11 }),
                json!({}),
                "step unit: ended by signal 11",
            ),
        ] {
            assert_eq!(steps(&json!([step]), &peaks), [line]);
        }
        assert!(steps(&json!([]), &json!({})).is_empty());
    }
}
