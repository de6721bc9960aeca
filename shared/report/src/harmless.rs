//! Owns how text of strangers is made harmless before it is kept or shown: no NUL (Postgres
//! refuses it in JSON), no escape sequences of terminals, no controls, no reversed directions,
//! and never more than a cap.

/// Longest message of one test, in characters.
pub const MESSAGE_CHARS_MAX: usize = 2_000;
/// Longest name of a test, in characters; longer than any that a lab can expect.
pub const NAME_CHARS_MAX: usize = 500;
/// Longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 500;

const ESCAPE: char = '\u{1b}';
const BELL: char = '\u{7}';

/// Text of several lines: line feeds and tabs stay.
pub fn lines(text: &str, chars_max: usize) -> String {
    capped(Visible::new(text), chars_max).trim_end().to_owned()
}

/// Text of one line: white space of every kind becomes one space.
pub fn line(text: &str, chars_max: usize) -> String {
    let visible: String = capped(Visible::new(text), chars_max.saturating_mul(4));
    let words = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    capped(words.chars(), chars_max)
}

/// A whole log, as text; its bytes were capped when it was taken.
pub fn log(bytes: &[u8]) -> String {
    Visible::new(&String::from_utf8_lossy(bytes)).collect()
}

fn capped(mut text: impl Iterator<Item = char>, chars_max: usize) -> String {
    let mut kept: String = text.by_ref().take(chars_max).collect();
    if text.next().is_some() {
        kept.pop();
        kept.push('…');
    }
    kept
}

/// The characters that are left when escape sequences and controls are taken out.
struct Visible<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
}

impl<'a> Visible<'a> {
    fn new(text: &'a str) -> Self {
        let rest = text.chars().peekable();
        Self { rest }
    }

    /// Skips an escape sequence (ECMA-48) after its first character.
    fn skip_sequence(&mut self) {
        match self.rest.next() {
            // CSI: parameters, then one final character from `@` to `~`.
            Some('[') => {
                while let Some(next) = self.rest.next_if(|c| (' '..='~').contains(c)) {
                    if next >= '@' {
                        break;
                    }
                }
            }
            // Strings (OSC, DCS, SOS, PM, APC): until BEL or ESC \, within the line.
            Some(']' | 'P' | 'X' | '^' | '_') => {
                while let Some(next) = self.rest.next_if(|&c| c != '\n') {
                    if next == BELL {
                        break;
                    }
                    if next == ESCAPE {
                        self.rest.next_if_eq(&'\\');
                        break;
                    }
                }
            }
            // Two characters are the whole of it.
            _ => {}
        }
    }
}

impl Iterator for Visible<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            match self.rest.next()? {
                ESCAPE => self.skip_sequence(),
                '\r' if self.rest.peek() == Some(&'\n') => {}
                '\r' => return Some('\n'),
                kept @ ('\n' | '\t') => return Some(kept),
                c if c.is_control() || reverses(c) => {}
                c => return Some(c),
            }
        }
    }
}

/// Characters that make text read in another order than it is written.
fn reverses(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_harm_is_taken_out_and_the_rest_stays() {
        for (dirty, clean) in [
            ("plain é ✓", "plain é ✓"),
            ("a\0b", "ab"),
            ("\u{1b}[31;1mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]8;;http://e\u{1b}\\x", "x"),
            ("\u{1b}(Bx", "Bx"),
            ("\u{9b}31mred", "31mred"),
            ("a\u{202e}b\u{2066}c", "abc"),
            ("one\r\ntwo\rthree\tfour", "one\ntwo\nthree\tfour"),
            ("\u{8}\u{7f}", ""),
            ("cut \u{1b}[31", "cut"),
            ("\u{1b}", ""),
            ("\u{1b}]never ends\nnext line", "\nnext line"),
        ] {
            assert_eq!(lines(dirty, 100), clean, "{dirty:?}");
        }
    }

    #[test]
    fn text_is_capped_in_characters() {
        assert_eq!(lines("éééé", 4), "éééé");
        assert_eq!(lines("ééééé", 4), "ééé…");
        assert_eq!(line("  a \n\t b  c ", 5), "a b c");
        assert_eq!(line("a b c d", 5), "a b …");
    }

    #[test]
    fn a_log_of_any_bytes_becomes_text() {
        assert_eq!(log(b"ok\n\xff\0\x1b[1mx"), "ok\n\u{fffd}x");
    }
}
