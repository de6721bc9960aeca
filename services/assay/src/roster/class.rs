//! Owns the thought of a class list: which sessions it asks for, and what is wrong with it. Names and
//! addresses of people in other columns are not looked at, and go nowhere.

use contract::name::{CommitSha, Repository, Slug};

use crate::roster::csv::{self, Record};

/// Most lines of a list.
const LEARNERS_MAX: usize = 100_000;

/// A session that the list asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Learner {
    /// The list's line.
    pub(crate) line: usize,
    pub(crate) lab: Slug,
    pub(crate) repository: Repository,
    pub(crate) starting: Option<CommitSha>,
}

/// What is wrong with a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mistake {
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// The columns that are looked at, by their places.
struct Columns {
    repository: usize,
    lab: Option<usize>,
    starting: Option<usize>,
}

/// Reads a list whose first line names its columns: `repository`, and `lab` or `starting` where it
/// has them. `lab` holds for lines that name none.
///
/// # Errors
/// Everything that is wrong, not the first alone.
pub(crate) fn read(text: &str, lab: Option<&Slug>) -> Result<Vec<Learner>, Vec<Mistake>> {
    let one = |line, what: String| vec![Mistake { line, what }];
    let records = csv::read(text).map_err(|(line, what)| one(line, what.to_owned()))?;
    let Some((head, records)) = records.split_first() else {
        return Err(one(1, "the list is empty".to_owned()));
    };
    let columns = columns(head)?;
    if records.len() > LEARNERS_MAX {
        let what = format!("the list has more than {LEARNERS_MAX} lines");
        return Err(one(head.line, what));
    }
    let (mut learners, mut mistakes) = (Vec::<Learner>::new(), Vec::new());
    let mut seen = std::collections::HashMap::new();
    for record in records {
        let line = record.line;
        match learner(record, head.cells.len(), &columns, lab) {
            Ok(learner) => {
                let key = (learner.lab.clone(), learner.repository.clone());
                match seen.insert(key, line) {
                    None => learners.push(learner),
                    Some(first) => mistakes.push(Mistake {
                        line,
                        what: format!("names the same repository and lab as line {first}"),
                    }),
                }
            }
            Err(what) => mistakes.push(Mistake { line, what }),
        }
    }
    if mistakes.is_empty() {
        Ok(learners)
    } else {
        Err(mistakes)
    }
}

fn columns(head: &Record) -> Result<Columns, Vec<Mistake>> {
    let names: Vec<String> = head.cells.iter().map(|cell| cell.to_lowercase()).collect();
    let refuse = |what: String| {
        vec![Mistake {
            line: head.line,
            what,
        }]
    };
    let place = |name: &str| {
        let mut places = names.iter().enumerate().filter(|(_, cell)| *cell == name);
        match (places.next(), places.next()) {
            (found, None) => Ok(found.map(|(place, _)| place)),
            _ => Err(refuse(format!("names the column {name} twice"))),
        }
    };
    let Some(repository) = place("repository")? else {
        let what = "names no column repository; expected repository, and lab or starting";
        return Err(refuse(what.to_owned()));
    };
    Ok(Columns {
        repository,
        lab: place("lab")?,
        starting: place("starting")?,
    })
}

fn learner(
    record: &Record,
    cells: usize,
    columns: &Columns,
    lab: Option<&Slug>,
) -> Result<Learner, String> {
    if record.cells.len() != cells {
        let has = record.cells.len();
        return Err(format!("has {has} cells; the first line has {cells}"));
    }
    let cell = |place: Option<usize>| {
        let text = place.and_then(|place| record.cells.get(place));
        text.map(String::as_str).filter(|text| !text.is_empty())
    };
    let repository = cell(Some(columns.repository)).ok_or("names no repository")?;
    let lab = match (cell(columns.lab), lab) {
        (Some(text), _) => text.parse().map_err(|_| "its lab is no short name")?,
        (None, Some(lab)) => lab.clone(),
        (None, None) => return Err("names no lab; give one here, or with --lab".to_owned()),
    };
    // What was written is not shown: a column may have slipped, and it be somebody's name.
    let starting = cell(columns.starting).map(str::parse).transpose();
    Ok(Learner {
        line: record.line,
        lab,
        repository: repository
            .parse()
            .map_err(|_| "its repository is not written source:owner/name")?,
        starting: starting.map_err(|_| "its starting commit is no commit's id")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab() -> Slug {
        "intro".parse().unwrap()
    }

    #[test]
    fn a_list_asks_for_a_session_for_each_line_and_other_columns_are_passed_over() {
        let sha = "a".repeat(40);
        let text = format!(
            "Name,Repository,lab,starting\nA. Person,github:octo/one,,\n\
             B,github:octo/two,other,{sha}\n"
        );
        let learners = read(&text, Some(&lab())).unwrap();
        let shown: Vec<_> = learners
            .iter()
            .map(|one| (one.line, one.lab.as_str(), one.repository.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                (2, "intro", "github:octo/one"),
                (3, "other", "github:octo/two")
            ]
        );
        assert_eq!(learners[0].starting, None);
        assert_eq!(learners[1].starting, Some(sha.parse().unwrap()));
    }

    #[test]
    fn everything_that_is_wrong_is_named_by_its_line_and_shows_nobodys_name() {
        let text = "repository,starting\ngithub:octo/one,\nA Person,\n,\ngithub:octo/two,A Person\n\
                    github:octo/three\ngithub:octo/ONE,\n";
        let mistakes = read(text, Some(&lab())).unwrap_err();
        let lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line).collect();
        assert_eq!(lines, [3, 5, 6, 7], "{mistakes:?}");
        assert!(!format!("{mistakes:?}").contains("Person"));
        assert_eq!(
            mistakes[3].what,
            "names the same repository and lab as line 2"
        );
        for (text, lab, line) in [
            ("", Some(lab()), 1),
            ("name,lab\n", Some(lab()), 1),
            ("repository,repository\n", Some(lab()), 1),
            ("repository\ngithub:octo/one\n", None, 2),
            ("repository\n\"github:octo/one\n", Some(lab()), 2),
        ] {
            let mistakes = read(text, lab.as_ref()).unwrap_err();
            assert_eq!(mistakes[0].line, line, "{text:?}");
        }
    }
}
