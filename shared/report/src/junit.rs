//! Owns the reading of JUnit XML. Must never follow a DTD, resolve an entity beyond XML's own
//! five, or grow beyond its caps.
//!
//! The form has no standard; this reads what its writers agree on: `testcase` elements with `name`,
//! `classname` and `time`, failed by a child `failure` or `error`, skipped by a child `skipped`.

use contract::result::TestOutcome;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;
use thiserror::Error;

use crate::harmless::{self, MESSAGE_CHARS_MAX, NAME_CHARS_MAX, REASON_CHARS_MAX};
use crate::reported::{Report, ReportedTest, TESTS_MAX};

/// Deepest nesting of elements.
const DEPTH_MAX: usize = 32;
/// Most attributes of an element.
const ATTRIBUTES_MAX: usize = 64;
/// Most of a message that is gathered before it is made harmless, in bytes.
const MESSAGE_BYTES_MAX: usize = 4 * MESSAGE_CHARS_MAX;

/// Why a text is no JUnit report.
#[derive(Debug, Error)]
pub enum BadJunit {
    /// It is not XML.
    #[error("is not well-formed XML: {0}")]
    Xml(#[from] quick_xml::Error),
    /// An attribute does not read.
    #[error("has an attribute that does not read: {0}")]
    Attribute(#[from] quick_xml::events::attributes::AttrError),
    /// It declares a document type.
    #[error("declares a document type, which is refused")]
    Doctype,
    /// An entity other than the five of XML.
    #[error("uses the entity {0:?}, which is refused")]
    Entity(String),
    /// Its outermost element is another.
    #[error("has no testsuites or testsuite as its outermost element")]
    Root,
    /// It ends before its outermost element does.
    #[error("ends too early")]
    Truncated,
    /// A cap was exceeded.
    #[error("has more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The cap.
        max: usize,
    },
    /// A test bears no name.
    #[error("has a test without a name")]
    Nameless,
}

/// Reads a report.
///
/// # Errors
/// [`BadJunit`] says why it is none.
pub fn read(bytes: &[u8]) -> Result<Report, BadJunit> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut state = State::default();
    loop {
        match reader.read_event()? {
            Event::Start(element) => state.open(&element)?,
            Event::Empty(element) => {
                state.open(&element)?;
                state.close()?;
            }
            Event::End(_) => state.close()?,
            Event::Text(text) => state.text(&text.xml10_content()),
            Event::CData(text) => state.text(&text.xml10_content()),
            Event::GeneralRef(entity) => state.text(&resolve(&entity)?.to_string()),
            Event::DocType(_) => return Err(BadJunit::Doctype),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return state.finish(),
        }
    }
}

/// Where the reader is.
#[derive(Default)]
struct State {
    report: Report,
    /// What each open element is.
    open: Vec<Element>,
    seen_root: bool,
    case: Option<ReportedTest>,
    /// The message and text of the open `failure`, `error` or `skipped`.
    said: String,
    /// No text has come yet after the message.
    said_is_attribute: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Suite,
    Case,
    /// `failure`, `error` or `skipped`.
    Outcome(TestOutcome),
    Other,
}

impl State {
    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), BadJunit> {
        if self.open.len() == DEPTH_MAX {
            let (what, max) = ("elements within each other", DEPTH_MAX);
            return Err(BadJunit::TooMany { what, max });
        }
        let kind = match element.local_name().as_ref() {
            "testsuites" | "testsuite" => Element::Suite,
            "testcase" => Element::Case,
            "failure" | "error" => Element::Outcome(TestOutcome::Failed),
            "skipped" => Element::Outcome(TestOutcome::Skipped),
            _ => Element::Other,
        };
        if self.open.is_empty() && (self.seen_root || kind != Element::Suite) {
            return Err(BadJunit::Root);
        }
        self.seen_root = true;
        match (kind, self.open.last()) {
            (Element::Case, Some(Element::Suite)) => self.open_case(element)?,
            // Only what lies directly in a test says how it came out.
            (Element::Outcome(_), Some(Element::Case | Element::Suite)) => {
                self.said = attribute(element, "message")?.unwrap_or_default();
                self.said_is_attribute = !self.said.is_empty();
            }
            (Element::Suite, None | Some(Element::Suite)) => {}
            _ => {
                self.open.push(Element::Other);
                return Ok(());
            }
        }
        self.open.push(kind);
        Ok(())
    }

    fn open_case(&mut self, element: &BytesStart<'_>) -> Result<(), BadJunit> {
        if self.report.tests.len() == TESTS_MAX {
            let (what, max) = ("tests", TESTS_MAX);
            return Err(BadJunit::TooMany { what, max });
        }
        let read = |key| attribute(element, key);
        let name = harmless::line(&read("name")?.unwrap_or_default(), NAME_CHARS_MAX);
        if name.is_empty() {
            return Err(BadJunit::Nameless);
        }
        let class = read("classname")?.filter(|class| !class.is_empty());
        let qualified =
            class.map(|class| harmless::line(&format!("{class}.{name}"), NAME_CHARS_MAX));
        // GoogleTest's way to say that a test did not run.
        let idle = |word: Option<String>| {
            word.is_some_and(|w| ["notrun", "skipped", "suppressed", "disabled"].contains(&&*w))
        };
        let skipped = idle(read("status")?) || idle(read("result")?);
        self.case = Some(ReportedTest {
            name,
            qualified,
            outcome: if skipped {
                TestOutcome::Skipped
            } else {
                TestOutcome::Passed
            },
            duration_ms: read("time")?.as_deref().and_then(milliseconds),
            message: None,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), BadJunit> {
        match self.open.pop() {
            Some(Element::Case) => self.report.tests.extend(self.case.take()),
            Some(Element::Outcome(outcome)) => self.close_outcome(outcome),
            Some(Element::Suite | Element::Other) => {}
            None => return Err(BadJunit::Truncated),
        }
        Ok(())
    }

    fn close_outcome(&mut self, outcome: TestOutcome) {
        let said = std::mem::take(&mut self.said);
        let Some(case) = &mut self.case else {
            // An error of the suite itself: some tests may never have been reached.
            if outcome == TestOutcome::Failed && self.report.problem.is_none() {
                let said = harmless::line(&said, REASON_CHARS_MAX);
                self.report.problem = Some(format!("reports an error outside its tests: {said}"));
            }
            return;
        };
        if case.outcome != TestOutcome::Failed {
            case.outcome = outcome;
            let said = harmless::lines(&said, MESSAGE_CHARS_MAX);
            case.message = Some(said).filter(|said| !said.is_empty());
        }
    }

    fn text(&mut self, text: &str) {
        let within = matches!(self.open.last(), Some(Element::Outcome(_)));
        if !within || self.said.len() > MESSAGE_BYTES_MAX {
            return;
        }
        // The attribute's message is a line of its own before the text.
        if self.said_is_attribute && !text.trim().is_empty() {
            self.said.push('\n');
            self.said_is_attribute = false;
        }
        self.said.extend(text.chars().take(MESSAGE_CHARS_MAX));
    }

    fn finish(self) -> Result<Report, BadJunit> {
        if !self.seen_root {
            Err(BadJunit::Root)
        } else if self.open.is_empty() {
            Ok(self.report)
        } else {
            Err(BadJunit::Truncated)
        }
    }
}

/// An attribute's value, its entities resolved.
fn attribute(element: &BytesStart<'_>, key: &str) -> Result<Option<String>, BadJunit> {
    // The reader's own check for repeated attributes takes time in the square of their number.
    for (count, attribute) in element.attributes().with_checks(false).enumerate() {
        if count == ATTRIBUTES_MAX {
            let (what, max) = ("attributes of an element", ATTRIBUTES_MAX);
            return Err(BadJunit::TooMany { what, max });
        }
        let attribute = attribute?;
        if attribute.key.as_ref() == key {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
            return Ok(Some(value.into_owned()));
        }
    }
    Ok(None)
}

fn resolve(entity: &BytesRef<'_>) -> Result<char, BadJunit> {
    if let Some(character) = entity.resolve_char_ref()? {
        return Ok(character);
    }
    let name: &str = entity;
    match name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        other => Err(BadJunit::Entity(harmless::line(other, NAME_CHARS_MAX))),
    }
}

/// Seconds as text, some writers with commas between thousands, as milliseconds.
fn milliseconds(seconds: &str) -> Option<u64> {
    let seconds: f64 = seconds.trim().replace(',', "").parse().ok()?;
    std::time::Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|time| u64::try_from(time.as_millis()).ok())
}

#[cfg(test)]
mod tests;
