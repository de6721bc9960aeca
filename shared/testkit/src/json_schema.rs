//! Owns holding a JSON value against a JSON Schema (draft 2020-12): as much of it as the schemas of
//! this repository use. A word that it does not know is a panic, never passed over, so that a schema
//! cannot say what nobody checks.

mod pattern;

use serde_json::{Map, Value};

/// Words that say nothing about a value.
const SILENT: [&str; 5] = ["$schema", "$id", "$defs", "title", "description"];

/// A schema.
#[derive(Clone, Debug)]
pub struct Schema(Value);

impl Schema {
    /// Reads a schema.
    pub fn read(text: &str) -> Self {
        Self(serde_json::from_str(text).expect("a schema is JSON"))
    }

    /// What is wrong with a value; nothing when it holds.
    pub fn faults(&self, value: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.check(&self.0, value, "", &mut faults);
        faults
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        let schema = match schema {
            Value::Bool(true) => return,
            Value::Bool(false) => return faults.push(format!("{at}: there must be nothing")),
            Value::Object(schema) => schema,
            other => panic!("no schema: {other}"),
        };
        for (word, wanted) in schema {
            let holds = match word.as_str() {
                word if SILENT.contains(&word) => true,
                "$ref" => {
                    self.check(self.defined(wanted), value, at, faults);
                    true
                }
                "type" => is_of(value, wanted.as_str().expect("one type")),
                "const" => value == wanted,
                "enum" => list(wanted).contains(value),
                "minimum" => value
                    .as_f64()
                    .is_none_or(|number| Some(number) >= wanted.as_f64()),
                "minLength" => chars(value).is_none_or(|chars| Some(chars) >= wanted.as_u64()),
                "maxLength" => chars(value).is_none_or(|chars| Some(chars) <= wanted.as_u64()),
                "minItems" => {
                    let items = value.as_array().map(|items| items.len() as u64);
                    items.is_none_or(|items| Some(items) >= wanted.as_u64())
                }
                "pattern" => {
                    let pattern = wanted.as_str().expect("a pattern is text");
                    value
                        .as_str()
                        .is_none_or(|text| pattern::holds(pattern, text))
                }
                "required" => {
                    self.required(list(wanted), value, at, faults);
                    true
                }
                "items" => {
                    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(wanted, item, &format!("{at}/{place}"), faults);
                    }
                    true
                }
                "properties" | "additionalProperties" | "propertyNames" => {
                    self.members(schema, word, wanted, value, at, faults);
                    true
                }
                "allOf" => {
                    for one in list(wanted) {
                        self.check(one, value, at, faults);
                    }
                    true
                }
                "if" => {
                    let mut not = Vec::new();
                    self.check(wanted, value, at, &mut not);
                    if not.is_empty() {
                        self.check(&schema["then"], value, at, faults);
                    }
                    true
                }
                "then" => true,
                unknown => panic!("the word {unknown} is not known here"),
            };
            if !holds {
                faults.push(format!("{at}: {value} breaks {word} {wanted}"));
            }
        }
    }

    fn members(
        &self,
        schema: &Map<String, Value>,
        word: &str,
        wanted: &Value,
        value: &Value,
        at: &str,
        faults: &mut Vec<String>,
    ) {
        let known = schema.get("properties").and_then(Value::as_object);
        for (name, member) in value.as_object().into_iter().flatten() {
            let at = format!("{at}/{name}");
            let of = known.and_then(|known| known.get(name));
            match (word, of) {
                ("properties", Some(of)) => self.check(of, member, &at, faults),
                ("additionalProperties", None) => self.check(wanted, member, &at, faults),
                ("propertyNames", _) => {
                    self.check(wanted, &Value::String(name.clone()), &at, faults);
                }
                _ => {}
            }
        }
    }

    fn required(&self, names: &[Value], value: &Value, at: &str, faults: &mut Vec<String>) {
        let names = names.iter().filter_map(Value::as_str);
        let missing = names.filter(|name| value.is_object() && value.get(name).is_none());
        faults.extend(missing.map(|name| format!("{at}: {name} is missing")));
    }

    fn defined(&self, reference: &Value) -> &Value {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
        let found = pointer.and_then(|pointer| self.0.pointer(pointer));
        found.unwrap_or_else(|| panic!("{reference} is not in the schema"))
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn chars(value: &Value) -> Option<u64> {
    value.as_str().map(|text| text.chars().count() as u64)
}

fn is_of(value: &Value, wanted: &str) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not known here"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        let schema = json!({
            "type": "object",
            "required": ["kind"],
            "additionalProperties": false,
            "properties": {
                "kind": { "enum": ["a", "b"] },
                "id": { "$ref": "#/$defs/hex" },
                "count": { "type": "integer", "minimum": 0 },
                "list": { "type": "array", "minItems": 1, "items": { "type": "string" } },
                "words": {
                    "type": "object",
                    "propertyNames": { "maxLength": 2 },
                    "additionalProperties": { "type": "boolean" },
                },
            },
            "allOf": [
                { "if": { "properties": { "kind": { "const": "b" } } },
                  "then": { "required": ["id"] } },
            ],
            "$defs": { "hex": { "type": "string", "pattern": "^[0-9a-f]{4}$", "minLength": 4 } },
        });
        Schema::read(&schema.to_string())
    }

    #[test]
    fn what_holds_has_no_faults() {
        for good in [
            json!({ "kind": "a" }),
            json!({ "kind": "b", "id": "00ff", "count": 0, "list": ["x"] }),
            json!({ "kind": "a", "words": { "ab": true } }),
        ] {
            assert_eq!(schema().faults(&good), [""; 0], "{good}");
        }
    }

    #[test]
    fn each_rule_finds_what_breaks_it() {
        for bad in [
            json!("text"),
            json!({}),
            json!({ "kind": "c" }),
            json!({ "kind": "b" }),
            json!({ "kind": "a", "id": "00FF" }),
            json!({ "kind": "a", "id": "00ff0" }),
            json!({ "kind": "a", "count": -1 }),
            json!({ "kind": "a", "count": 1.5 }),
            json!({ "kind": "a", "list": [] }),
            json!({ "kind": "a", "list": [1] }),
            json!({ "kind": "a", "other": 1 }),
            json!({ "kind": "a", "words": { "abc": true } }),
            json!({ "kind": "a", "words": { "ab": 1 } }),
        ] {
            assert!(!schema().faults(&bad).is_empty(), "{bad}");
        }
    }

    #[test]
    #[should_panic(expected = "not known here")]
    fn a_word_that_is_not_known_is_never_passed_over() {
        Schema::read(r#"{ "multipleOf": 2 }"#).faults(&json!(3));
    }
}
