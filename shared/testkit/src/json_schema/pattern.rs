//! Owns the patterns of schemas, as far as they are used here: from `^` to `$`, characters and
//! classes of them, each once, `{n}` times or `*`.

/// What one place of a text may be.
struct Place {
    allowed: Vec<(char, char)>,
    times: Times,
}

#[derive(Clone, Copy)]
enum Times {
    Exactly(usize),
    Any,
}

/// Whether the text is what the pattern says, the whole of it.
pub(super) fn holds(pattern: &str, text: &str) -> bool {
    let inner = pattern.strip_prefix('^').and_then(|p| p.strip_suffix('$'));
    let places = read(inner.unwrap_or_else(|| panic!("{pattern} has no ends")));
    let text: Vec<char> = text.chars().collect();
    let mut at = 0;
    for place in places {
        let fits = |at: usize| {
            let char = text.get(at).copied();
            char.is_some_and(|char| place.allowed.iter().any(|(a, z)| (*a..=*z).contains(&char)))
        };
        match place.times {
            Times::Exactly(times) => {
                if !(at..at + times).all(fits) {
                    return false;
                }
                at += times;
            }
            // Greedy: no pattern here has a class behind it that it could take too much of.
            Times::Any => {
                while fits(at) {
                    at += 1;
                }
            }
        }
    }
    at == text.len()
}

fn read(pattern: &str) -> Vec<Place> {
    let mut chars = pattern.chars().peekable();
    let mut places = Vec::new();
    while let Some(char) = chars.next() {
        let allowed = match char {
            '[' => {
                let class: String = chars.by_ref().take_while(|char| *char != ']').collect();
                ranges(&class.chars().collect::<Vec<_>>())
            }
            '\\' => {
                let char = chars.next().expect("a backslash has something behind it");
                vec![(char, char)]
            }
            '(' | ')' | '|' | '+' | '?' | '.' => panic!("{char} is not known here: {pattern}"),
            char => vec![(char, char)],
        };
        let times = match chars.peek() {
            Some('{') => {
                let times: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                Times::Exactly(times.parse().expect("a number of times"))
            }
            Some('*') => {
                chars.next();
                Times::Any
            }
            _ => Times::Exactly(1),
        };
        places.push(Place { allowed, times });
    }
    places
}

fn ranges(class: &[char]) -> Vec<(char, char)> {
    match class {
        [] => Vec::new(),
        [a, '-', z, rest @ ..] => [vec![(*a, *z)], ranges(rest)].concat(),
        [one, rest @ ..] => [vec![(*one, *one)], ranges(rest)].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn a_text_is_the_whole_of_what_its_pattern_says() {
        for (pattern, good, bad) in [
            (
                "^[0-9a-f]{4}$",
                &["00ff"][..],
                &["00f", "00fff", "00fg", ""][..],
            ),
            (
                "^[a-z][a-z0-9_.:-]*$",
                &["a", "a-b.c:d_9"],
                &["", "9a", "a b"],
            ),
            ("^[0-9]{2}\\.[0-9]{1}Z$", &["12.3Z"], &["12x3Z", "12.3"]),
        ] {
            assert!(good.iter().all(|text| holds(pattern, text)), "{pattern}");
            assert!(!bad.iter().any(|text| holds(pattern, text)), "{pattern}");
        }
    }
}
