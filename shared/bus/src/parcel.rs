//! Owns messages as a handler of batches sees them, those of bundles apart from each other, and
//! what becomes of the message that brought several. Pure.

use std::time::Duration;

use async_nats::jetstream;

use crate::bundle;
use crate::consume::Outcome;
use crate::incoming::Incoming;

/// What a message brought: itself, or what was in the bundle that it is. A bundle that cannot be
/// read is itself, and no handler knows its kind.
pub(crate) fn open(consumer: &'static str, message: &jetstream::Message) -> Vec<Incoming> {
    match of_bundle(consumer, message) {
        Some(Ok(brought)) => brought,
        Some(Err(reason)) => {
            tracing::error!(consumer, reason, "a bundle cannot be read");
            vec![Incoming::new(consumer, message)]
        }
        None => vec![Incoming::new(consumer, message)],
    }
}

/// What was in the bundle that a message is, or why it cannot be read; `None` of what is no bundle.
pub(crate) fn of_bundle(
    consumer: &'static str,
    message: &jetstream::Message,
) -> Option<Result<Vec<Incoming>, String>> {
    message.headers.as_ref().filter(|h| bundle::is_bundle(h))?;
    let incoming =
        |part: bundle::Part| Incoming::part(consumer, message, part.headers, part.payload);
    let opened = bundle::open(message.payload.clone());
    Some(opened.map(|parts| parts.into_iter().map(incoming).collect()))
}

/// What becomes of a message that brought several.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The same for all of it; `None` where the handler panicked.
    Whole(Option<Outcome>),
    /// Those at these places are to be handled alone; the others are done.
    Apart(Vec<usize>),
}

/// Brings what became of each together.
pub(crate) fn end(mut outcomes: Vec<Option<Outcome>>) -> End {
    if outcomes.len() == 1 {
        return End::Whole(outcomes.remove(0));
    }
    let Some(all) = outcomes.into_iter().collect::<Option<Vec<_>>>() else {
        return End::Whole(None);
    };
    let open = all.iter().enumerate();
    let open = open.filter(|(_, outcome)| **outcome != Outcome::Done);
    let open: Vec<usize> = open.map(|(place, _)| place).collect();
    if open.is_empty() {
        return End::Whole(Some(Outcome::Done));
    }
    let delay = |outcome: &Outcome| match outcome {
        Outcome::Later(delay) => Some(*delay),
        Outcome::Done | Outcome::Never(_) => None,
    };
    // An outage stops all of them alike: the bundle waits as one.
    let delays: Option<Vec<Duration>> = all.iter().map(delay).collect();
    match delays.and_then(|delays| delays.into_iter().max()) {
        Some(longest) => End::Whole(Some(Outcome::Later(longest))),
        None => End::Apart(open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_done_when_all_of_it_is_and_waits_as_one_in_an_outage() {
        let done = || Some(Outcome::Done);
        let later = |secs| Some(Outcome::Later(Duration::from_secs(secs)));
        let never = || Some(Outcome::Never("bad".to_owned()));
        for (outcomes, expected) in [
            (vec![done()], End::Whole(done())),
            (vec![never()], End::Whole(never())),
            (vec![None], End::Whole(None)),
            (vec![done(), done()], End::Whole(done())),
            (vec![later(1), later(3), later(2)], End::Whole(later(3))),
            (vec![done(), later(1)], End::Apart(vec![1])),
            (vec![never(), done(), never()], End::Apart(vec![0, 2])),
            (vec![later(1), never()], End::Apart(vec![0, 1])),
            (vec![done(), None], End::Whole(None)),
        ] {
            let shown = format!("{outcomes:?}");
            assert_eq!(end(outcomes), expected, "{shown}");
        }
    }
}
