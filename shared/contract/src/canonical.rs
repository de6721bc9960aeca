//! Owns the one text that a digest is taken of: JSON with its object keys sorted and no white space.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// Writes a value as JSON with its object keys sorted and no white space.
///
/// # Panics
/// Never for the types of this crate; a map with keys that are no strings cannot be written.
pub fn canonical_json<T: Serialize + ?Sized>(value: &T) -> String {
    let text = RefCell::new(Vec::with_capacity(512));
    let sorting = Sorting {
        text: &text,
        members: Vec::with_capacity(32),
        open: Vec::new(),
        sorted: Vec::new(),
    };
    value
        .serialize(&mut Serializer::with_formatter(Into(&text), sorting))
        .expect("the types digested here have string keys");
    String::from_utf8(text.into_inner()).expect("JSON is written in UTF-8")
}

/// Where the text goes.
struct Into<'a>(&'a RefCell<Vec<u8>>);

impl io::Write for Into<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sorts the members of each object where they were written, when the last one is: no tree of the
/// whole value is made for it.
struct Sorting<'a> {
    text: &'a RefCell<Vec<u8>>,
    /// The members of the objects that are being written, those of the innermost last.
    members: Vec<Member>,
    /// Where in `members` each open object's begin.
    open: Vec<usize>,
    /// Where members are put in their order.
    sorted: Vec<u8>,
}

/// A member of an object, by its places in the text.
#[derive(Clone, Copy)]
struct Member {
    begin: usize,
    key_end: usize,
    end: usize,
    /// Whether the key is written with escapes.
    escaped: bool,
}

impl Member {
    /// The key as it orders: without its quotes, and without its escapes.
    fn key<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let quoted = &text[self.begin..self.key_end];
        if self.escaped
            && let Ok(key) = serde_json::from_slice::<String>(quoted)
        {
            return key.into_bytes().into();
        }
        quoted[1..quoted.len() - 1].into()
    }
}

impl Sorting<'_> {
    fn at(&self) -> usize {
        self.text.borrow().len()
    }

    fn member(&mut self) -> &mut Member {
        self.members.last_mut().expect("a member was begun")
    }
}

/// Puts the members of an object in the order of their keys. They are what the text ends with.
fn sort(text: &mut Vec<u8>, members: &mut [Member], sorted: &mut Vec<u8>) {
    if members.is_sorted_by(|one, other| one.key(text) < other.key(text)) {
        return;
    }
    let begin = members[0].begin;
    members.sort_by(|one, other| one.key(text).cmp(&other.key(text)));
    sorted.clear();
    for (place, member) in members.iter().enumerate() {
        // Of two of a name the last one holds, as in any map.
        let next = members.get(place + 1);
        if next.is_some_and(|next| next.key(text) == member.key(text)) {
            continue;
        }
        if !sorted.is_empty() {
            sorted.push(b',');
        }
        sorted.extend_from_slice(&text[member.begin..member.end]);
    }
    text.truncate(begin);
    text.extend_from_slice(sorted);
}

impl Formatter for Sorting<'_> {
    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open.push(self.members.len());
        writer.write_all(b"{")
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        let begin = self.at();
        self.members.push(Member {
            begin,
            key_end: begin,
            end: begin,
            escaped: false,
        });
        Ok(())
    }

    fn end_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        let end = self.at();
        let begin = self.member().begin;
        let escaped = self.text.borrow()[begin..end].contains(&b'\\');
        let member = self.member();
        (member.key_end, member.escaped) = (end, escaped);
        Ok(())
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.member().end = self.at();
        Ok(())
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let first = self.open.pop().expect("an object was begun");
        let members = &mut self.members[first..];
        sort(&mut self.text.borrow_mut(), members, &mut self.sorted);
        self.members.truncate(first);
        writer.write_all(b"}")
    }

    /// As the value that it is read back as, which knows no shorter numbers.
    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.write_f64(writer, value.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use serde_json::{Value, json};

    use super::*;

    /// By way of a tree whose maps are sorted.
    fn by_tree<T: Serialize>(value: &T) -> String {
        serde_json::to_value(value).unwrap().to_string()
    }

    #[derive(Serialize)]
    struct Outer {
        b: Inner,
        a: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<u8>,
        null: Option<u8>,
        kinds: Vec<Kind>,
        map: HashMap<String, f64>,
        numbers: BTreeMap<u8, (i64, u64, f32, bool, char)>,
        unit: (),
    }

    #[derive(Serialize)]
    struct Inner {
        z: u8,
        y: &'static str,
    }

    #[derive(Serialize)]
    enum Kind {
        Zero,
        One(u8),
        Two(u8, u8),
        Named { z: u8, a: Value },
    }

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = Inner { z: 1, y: "é" };
        assert_eq!(canonical_json(&value), r#"{"y":"é","z":1}"#);
        let value = Outer {
            b: value,
            a: 2,
            absent: None,
            null: None,
            kinds: vec![
                Kind::Named {
                    z: 1,
                    a: json!([{ "b": [], "a": {} }]),
                },
                Kind::Two(1, 2),
                Kind::One(3),
                Kind::Zero,
            ],
            map: (0..20)
                .map(|n| (format!("k{n}"), f64::from(n) / 3.0))
                .collect(),
            numbers: BTreeMap::from([
                (10, (-1, u64::MAX, 0.1, true, '"')),
                (9, (0, 0, 1e9, false, 'ß')),
            ]),
            unit: (),
        };
        assert_eq!(canonical_json(&value), by_tree(&value));
    }

    #[test]
    fn keys_are_sorted_by_what_they_are_and_not_by_how_they_are_written() {
        let keys = [
            "", "a", "ab", "a\"", "a!", "a#", "a\\", "a]", "\n", "\u{1}", " ", "ä", "𝄞", "\u{ffff}",
        ];
        let mut map: HashMap<&str, usize> = HashMap::new();
        for (place, key) in keys.iter().enumerate() {
            map.insert(key, place);
            assert_eq!(canonical_json(&map), by_tree(&map));
        }
    }

    #[test]
    fn of_two_members_of_a_name_the_last_one_holds() {
        struct Twice;
        impl Serialize for Twice {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map([("b", 1), ("a", 2), ("b", 3), ("a", 4), ("b", 5)])
            }
        }
        assert_eq!(canonical_json(&Twice), r#"{"a":4,"b":5}"#);
        assert_eq!(canonical_json(&Twice), by_tree(&Twice));
    }
}
