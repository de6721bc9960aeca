//! Owns the indulgent reading of a JSON object: the last of two equal keys holds, as everywhere
//! else, and a field that nobody needs cannot make the whole unreadable.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::push::Unreadable;

/// An object's fields, each still as text, and where the object is.
pub(super) struct Fields<'a> {
    at: String,
    fields: BTreeMap<String, &'a RawValue>,
}

impl<'a> Fields<'a> {
    /// The fields of the object in `text`, which is at `at`; the payload itself is at "".
    pub(super) fn of(text: &'a str, at: String) -> Result<Self, Unreadable> {
        match serde_json::from_str(text) {
            Ok(fields) => Ok(Self { at, fields }),
            Err(_) => {
                let at = if at.is_empty() {
                    "the whole".to_owned()
                } else {
                    at
                };
                Err(Unreadable {
                    at,
                    problem: "expected an object".to_owned(),
                })
            }
        }
    }

    /// What is wrong with a field.
    pub(super) fn unreadable(&self, name: &str, problem: &str) -> Unreadable {
        Unreadable {
            at: self.place(name),
            problem: problem.to_owned(),
        }
    }

    /// A field's text; `None` when it is missing or null.
    fn raw(&self, name: &str) -> Option<&'a str> {
        self.fields
            .get(name)
            .map(|raw| raw.get())
            .filter(|text| *text != "null")
    }

    /// A text as it is; `None` when it is missing, null, or no text.
    pub(super) fn exact_text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// A text without the NUL characters that no database takes.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.exact_text(name).map(without_nul)
    }

    /// A whole number of any size as its digits.
    pub(super) fn digits(&self, name: &str) -> Option<String> {
        let text = self.raw(name)?;
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.to_owned())
    }

    /// Whether a field is `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.raw(name) == Some("true")
    }

    /// The texts of a list; what is no text in it is left out.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let items: Vec<&RawValue> = self
            .raw(name)
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let text = |item: &RawValue| serde_json::from_str(item.get()).ok().map(without_nul);
        items.into_iter().filter_map(text).collect()
    }

    /// An object; `None` when it is missing, null, or no object.
    pub(super) fn object(&self, name: &str) -> Option<Fields<'a>> {
        Fields::of(self.raw(name)?, self.place(name)).ok()
    }

    /// The objects of a list, of which there are none when it is missing or null.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<Fields<'a>>, Unreadable> {
        let Some(text) = self.raw(name) else {
            return Ok(Vec::new());
        };
        let items: Vec<&'a RawValue> =
            serde_json::from_str(text).map_err(|_| self.unreadable(name, "expected a list"))?;
        let place = self.place(name);
        items
            .into_iter()
            .enumerate()
            .map(|(at, item)| Fields::of(item.get(), format!("{place}[{at}]")))
            .collect()
    }

    fn place(&self, name: &str) -> String {
        if self.at.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.at)
        }
    }
}

fn without_nul(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "")
    } else {
        text
    }
}
