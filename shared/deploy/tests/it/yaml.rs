//! Owns the writing of YAML: block style, keys sorted, texts in quotes where they need them.

use serde_json::Value;

/// Writes documents, with a head of comments before the first.
pub(crate) fn documents(head: &[&str], documents: &[Value]) -> String {
    let mut text: String = head.iter().map(|line| format!("# {line}\n")).collect();
    for document in documents {
        text.push_str("---\n");
        block(document, 0, &mut text);
    }
    text
}

fn block(value: &Value, depth: usize, text: &mut String) {
    let pad = "  ".repeat(depth);
    match value {
        Value::Object(table) if !table.is_empty() => {
            for (key, value) in table {
                text.push_str(&format!("{pad}{}:", scalar(&Value::String(key.clone()))));
                below(value, depth, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let mut inner = String::new();
                block(item, depth + 1, &mut inner);
                let rest = inner
                    .strip_prefix(&"  ".repeat(depth + 1))
                    .unwrap_or(&inner);
                text.push_str(&format!("{pad}- {rest}"));
            }
        }
        other => text.push_str(&format!("{pad}{}\n", scalar(other))),
    }
}

fn below(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(table) if !table.is_empty() => {
            text.push('\n');
            block(value, depth + 1, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(value, depth + 1, text);
        }
        Value::String(lines) if lines.contains('\n') => {
            text.push_str(" |\n");
            for line in lines.lines() {
                let pad = if line.is_empty() {
                    String::new()
                } else {
                    "  ".repeat(depth + 1)
                };
                text.push_str(&format!("{pad}{line}\n"));
            }
        }
        other => text.push_str(&format!(" {}\n", scalar(other))),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(word) if is_plain(word) => word.clone(),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        other => other.to_string(),
    }
}

/// Whether a text is itself without quotes.
fn is_plain(word: &str) -> bool {
    let begins = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let inside = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let means_else = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    begins && word.chars().all(inside) && !means_else.contains(&word.to_lowercase().as_str())
}

#[test]
fn what_is_written_is_yaml_that_says_the_same() {
    let value = serde_json::json!({
        "a": {"b": [1, {"c": "x y", "d": []}, "no"], "e": {}},
        "f": "one\n\ntwo\n",
        "g": ["8080:8080", true, null],
    });
    let written = documents(&["head"], &[value]);
    let expected = "# head\n---\na:\n  b:\n    - 1\n    - c: \"x y\"\n      d: []\n    - \"no\"\n  \
                    e: {}\nf: |\n  one\n\n  two\ng:\n  - \"8080:8080\"\n  - true\n  - null\n";
    assert_eq!(written, expected);
}
