//! Owns reading comma-separated values (RFC 4180): quotes, doubled quotes, line ends within them. Each
//! record keeps the number of the line that it begins on.

/// A record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    /// The line that it begins on, from 1.
    pub(crate) line: usize,
    /// Its cells, without the blanks around them.
    pub(crate) cells: Vec<String>,
}

/// Where the reader is within a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Begin,
    Bare,
    Quoted,
    /// After a quote that ends the cell, or is doubled.
    Quote,
}

/// Reads records; lines without anything are passed over.
///
/// # Errors
/// The line of a quote that never ends, or that has something after it.
pub(crate) fn read(text: &str) -> Result<Vec<Record>, (usize, &'static str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut records = Vec::new();
    let mut record = Record {
        line: 1,
        cells: Vec::new(),
    };
    let (mut cell, mut place, mut line, mut quoted_from) = (String::new(), Place::Begin, 1, 1);
    for c in text.chars() {
        match (place, c) {
            (Place::Quoted, '"') => place = Place::Quote,
            (Place::Quoted, _) => cell.push(c),
            (Place::Quote, '"') => {
                cell.push('"');
                place = Place::Quoted;
            }
            (_, ',' | '\n') => {
                record.cells.push(cell.trim().to_owned());
                cell.clear();
                place = Place::Begin;
                if c == '\n' {
                    let next = Record {
                        line: line + 1,
                        cells: Vec::new(),
                    };
                    keep(&mut records, std::mem::replace(&mut record, next));
                }
            }
            (Place::Begin, '"') => {
                place = Place::Quoted;
                quoted_from = line;
            }
            (Place::Begin | Place::Quote, ' ' | '\t' | '\r') => {}
            (Place::Quote, _) => return Err((line, "something follows a closing quote")),
            (_, _) => {
                cell.push(c);
                place = Place::Bare;
            }
        }
        line += usize::from(c == '\n');
    }
    if place == Place::Quoted {
        return Err((quoted_from, "a quote is not closed"));
    }
    record.cells.push(cell.trim().to_owned());
    keep(&mut records, record);
    Ok(records)
}

fn keep(records: &mut Vec<Record>, record: Record) {
    if record.cells.iter().any(|cell| !cell.is_empty()) {
        records.push(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<(usize, Vec<String>)> {
        let records = read(text).unwrap();
        let records = records.into_iter();
        records.map(|record| (record.line, record.cells)).collect()
    }

    #[test]
    fn cells_and_lines_are_kept_apart() {
        for (text, expected) in [
            ("", &[][..]),
            ("a", &[(1, &["a"][..])]),
            ("a,b\r\n\n c , d \n", &[(1, &["a", "b"]), (3, &["c", "d"])]),
            ("\u{feff}a,\n,b", &[(1, &["a", ""]), (2, &["", "b"])]),
            ("\"a,\"\"b\"\"\" ,c", &[(1, &["a,\"b\"", "c"])]),
            ("\"a\nb\",c\nd", &[(1, &["a\nb", "c"]), (3, &["d"])]),
            ("a\"b", &[(1, &["a\"b"])]),
            (",,\n", &[]),
        ] {
            let expected: Vec<(usize, Vec<String>)> = expected
                .iter()
                .map(|(line, cells)| (*line, cells.iter().map(|&c| c.to_owned()).collect()))
                .collect();
            assert_eq!(cells(text), expected, "{text:?}");
        }
        for (text, line) in [("a\n\"b\nc\n", 2), ("\"a\"b", 1)] {
            assert_eq!(read(text).unwrap_err().0, line, "{text:?}");
        }
    }
}
