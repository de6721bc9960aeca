//! Owns the indulgent reading of a JSON object: the last of two equal keys holds, as everywhere
//! else, and a field that nobody needs cannot make the whole unreadable. It never grows with its
//! input beyond what the limits here say.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::push::Unreadable;

/// Most different fields of one object; no forge's has a quarter of it.
pub(crate) const FIELDS_MAX: usize = 1_000;

/// An object's fields, each still as text, and where the object is.
pub(crate) struct Fields<'a> {
    at: String,
    /// In their order. A forge's objects are read once and have few: to look through them costs less
    /// than to sort them.
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

/// The first objects of a list.
pub(crate) struct Objects<'a> {
    /// At most as many as were asked for.
    pub(crate) first: Vec<Fields<'a>>,
    /// The text of the last of those.
    pub(crate) last: Option<&'a str>,
    /// How many the list has.
    pub(crate) len: usize,
}

/// The first texts of a list.
#[derive(Default)]
pub(crate) struct Texts {
    /// At most as many as were asked for; what is no text is left out.
    pub(crate) first: Vec<String>,
    /// How many items the list has.
    pub(crate) len: usize,
}

impl<'a> Fields<'a> {
    /// The fields of the object in `text`, which is at `at`; the payload itself is at "".
    pub(crate) fn of(text: &'a str, at: String) -> Result<Self, Unreadable> {
        match serde_json::from_str(text) {
            Ok(AtMost(fields)) => Ok(Self { at, fields }),
            Err(_) => {
                let at = if at.is_empty() {
                    "the whole".to_owned()
                } else {
                    at
                };
                Err(Unreadable {
                    at,
                    problem: format!("expected an object of at most {FIELDS_MAX} fields"),
                })
            }
        }
    }

    /// What is wrong with a field.
    pub(crate) fn unreadable(&self, name: &str, problem: &str) -> Unreadable {
        Unreadable {
            at: self.place(name),
            problem: problem.to_owned(),
        }
    }

    /// A field's text; `None` when it is missing or null.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        self.value(name)
            .map(RawValue::get)
            .filter(|text| *text != "null")
    }

    fn value(&self, name: &str) -> Option<&'a RawValue> {
        let mut last_first = self.fields.iter().rev();
        last_first
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    }

    /// Whether a field is there, be it null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// A text as it is; `None` when it is missing, null, or no text.
    pub(crate) fn exact_text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// A text without the NUL characters that no database takes.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.exact_text(name).map(without_nul)
    }

    /// A whole number of any size as its digits.
    pub(crate) fn digits(&self, name: &str) -> Option<String> {
        let text = self.raw(name)?;
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.to_owned())
    }

    /// A count; `None` when it is missing or no whole number of 64 bits.
    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        self.digits(name)?.parse().ok()
    }

    /// Whether a field is `true`.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.raw(name) == Some("true")
    }

    /// The texts among the first `MAX` items of a list; none where it is missing or no list.
    pub(crate) fn texts<const MAX: usize>(&self, name: &str) -> Texts {
        let items: Option<First<'a, MAX>> = self
            .raw(name)
            .and_then(|text| serde_json::from_str(text).ok());
        let items = items.unwrap_or_default();
        let text = |item: &RawValue| serde_json::from_str(item.get()).ok().map(without_nul);
        Texts {
            first: items.first.into_iter().filter_map(text).collect(),
            len: items.len,
        }
    }

    /// An object; `None` when it is missing, null, or no object.
    pub(crate) fn object(&self, name: &str) -> Option<Fields<'a>> {
        Fields::of(self.raw(name)?, self.place(name)).ok()
    }

    /// An object that must be there.
    pub(crate) fn needed_object(&self, name: &str) -> Result<Fields<'a>, Unreadable> {
        self.object(name)
            .ok_or_else(|| self.unreadable(name, "expected an object"))
    }

    /// The first `MAX` objects of a list, of which there are none when it is missing or null.
    pub(crate) fn objects<const MAX: usize>(&self, name: &str) -> Result<Objects<'a>, Unreadable> {
        let items: First<'a, MAX> = match self.raw(name) {
            Some(text) => {
                serde_json::from_str(text).map_err(|_| self.unreadable(name, "expected a list"))?
            }
            None => First::default(),
        };
        let place = self.place(name);
        let object =
            |(at, item): (usize, &&'a RawValue)| Fields::of(item.get(), format!("{place}[{at}]"));
        let first: Result<_, _> = items.first.iter().enumerate().map(object).collect();
        Ok(Objects {
            first: first?,
            last: items.first.last().map(|item| item.get()),
            len: items.len,
        })
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

/// A field's name, in the text where it lies there as it is.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The fields of an object that has at most [`FIELDS_MAX`] of different names.
struct AtMost<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for AtMost<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for Map<'a> {
            type Value = AtMost<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object of at most {FIELDS_MAX} fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    fields.push((name, value));
                    if fields.len() == 2 * FIELDS_MAX && are_too_many(&mut fields) {
                        return Err(serde::de::Error::custom("too many fields"));
                    }
                }
                if are_too_many(&mut fields) {
                    return Err(serde::de::Error::custom("too many fields"));
                }
                Ok(AtMost(fields))
            }
        }
        deserializer.deserialize_map(Map(PhantomData))
    }
}

/// Whether an object has more than [`FIELDS_MAX`] fields of different names. Where it is not plain, only
/// the last of each name is left.
fn are_too_many(fields: &mut Vec<(Cow<'_, str>, &RawValue)>) -> bool {
    if fields.len() > FIELDS_MAX {
        fields.reverse();
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        fields.dedup_by(|(one, _), (other, _)| one == other);
    }
    fields.len() > FIELDS_MAX
}

/// The first `MAX` items of a list, and how many it has.
#[derive(Default)]
struct First<'a, const MAX: usize> {
    first: Vec<&'a RawValue>,
    len: usize,
}

impl<'de: 'a, 'a, const MAX: usize> Deserialize<'de> for First<'a, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<'a, const MAX: usize>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a, const MAX: usize> Visitor<'de> for List<'a, MAX> {
            type Value = First<'a, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = First::default();
                while list.len < MAX {
                    let Some(item) = seq.next_element()? else {
                        return Ok(list);
                    };
                    list.first.push(item);
                    list.len += 1;
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    list.len += 1;
                }
                Ok(list)
            }
        }
        deserializer.deserialize_seq(List(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_too_many_fields_is_refused_and_repeats_count_once() {
        let object = |fields: usize, repeats: usize| {
            let one = |n: usize| format!("\"{n}\":1");
            let all: Vec<_> = (0..fields).chain(vec![0; repeats]).map(one).collect();
            format!("{{{}}}", all.join(","))
        };
        for (fields, repeats, expected) in [
            (FIELDS_MAX, 0, true),
            (FIELDS_MAX, 9, true),
            (FIELDS_MAX, 9 * FIELDS_MAX, true),
            (FIELDS_MAX + 1, 0, false),
            (FIELDS_MAX + 1, 9 * FIELDS_MAX, false),
        ] {
            let text = object(fields, repeats);
            assert_eq!(Fields::of(&text, String::new()).is_ok(), expected);
        }
    }

    #[test]
    fn of_two_fields_of_a_name_the_last_holds_however_many_there_are() {
        for repeats in [1, FIELDS_MAX, 3 * FIELDS_MAX] {
            let all: String = (0..repeats).map(|n| format!("\"a\":{n},")).collect();
            let text = format!("{{{all}\"b\":1,\"a\":\"last\"}}");
            let fields = Fields::of(&text, String::new()).unwrap();
            assert_eq!(fields.text("a").as_deref(), Some("last"), "{repeats}");
            assert_eq!(fields.count("b"), Some(1));
        }
    }

    #[test]
    fn a_list_is_counted_to_its_end_and_kept_to_its_limit() {
        let text = format!(
            "{{\"a\":[{}{{}}],\"b\":[{}7]}}",
            "{},".repeat(9),
            "\"x\",".repeat(9)
        );
        let fields = Fields::of(&text, String::new()).unwrap();
        for (kept, len) in [
            (fields.objects::<3>("a").unwrap().first.len(), 3),
            (fields.objects::<10>("a").unwrap().first.len(), 10),
            (fields.objects::<3>("a").unwrap().len, 10),
            (fields.objects::<3>("none").unwrap().len, 0),
            (fields.texts::<3>("b").first.len(), 3),
            (fields.texts::<10>("b").first.len(), 9),
            (fields.texts::<3>("b").len, 10),
            (fields.texts::<3>("none").len, 0),
        ] {
            assert_eq!(kept, len);
        }
    }
}
