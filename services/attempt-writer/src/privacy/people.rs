//! Owns finding what is somebody's: who they are, their other pseudonyms, and the dead letters that
//! name them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bus::consume::Outcome;
use bus::letter::DeadLetter;
use contract::command::privacy::PrivacyOrdered;
use contract::time::now;
use serde_json::{Value, json};
use store::dead_letter::{self, DISCARDED, DeadLetterRow, Filter};
use store::delivery_body;
use store::erasure;
use store::error::StoreError;
use store::person_key;
use store::principal;
use store::transaction::LedgerConnection;
use uuid::Uuid;

use crate::person::Named;
use crate::privacy::Privacy;
use crate::privacy::erase::Planned;
use crate::seal::MasterKeys;
use crate::taken::FRAME_BYTES_MAX;

/// Open letters that are looked at.
const LETTERS_MAX: i64 = 10_000;
/// Shortest text by which somebody is told, in bytes: shorter ones are in everything.
const TELLING_BYTES_MIN: usize = 3;
/// Pause before letters are looked for again that the broker did not answer for, in seconds.
const LOOK_RETRY_SECS: u64 = 2;
/// What a letter's row says that went with its person.
const ERASED: &str = "a person that it names was erased";

/// Who these people are, those of whom it is known.
pub(super) async fn opened(
    conn: &mut LedgerConnection,
    masters: &MasterKeys,
    people: &[Uuid],
) -> Result<HashMap<Uuid, Named>, StoreError> {
    let keys = person_key::find(conn, people).await?;
    let mut opened = HashMap::new();
    for row in principal::persons(conn, people).await? {
        let key = keys.iter().find(|key| key.owner_id == row.principal_id);
        if let Some(key) = key {
            let named = Named::open(&row, &masters.unwrap(key)?)?;
            opened.insert(row.principal_id, named);
        }
    }
    Ok(opened)
}

/// The texts that tell somebody.
fn telling(named: &Named) -> impl Iterator<Item = String> {
    let texts = [&named.login, &named.name, &named.email];
    let texts = texts
        .into_iter()
        .flatten()
        .map(|text| text.trim().to_lowercase());
    texts.filter(|text| text.len() >= TELLING_BYTES_MIN)
}

/// Whether a text names somebody.
pub(super) fn is_named(named: &Named, text: &str) -> bool {
    let text = text.to_lowercase();
    telling(named).any(|telling| text.contains(&telling))
}

/// Everybody whom an erasure is about, and the letters that go with them: the people named, the
/// authors with their addresses, and the authors whom nobody else pushed for.
pub(super) async fn planned(
    desk: &Privacy,
    conn: &mut LedgerConnection,
    asked: &PrivacyOrdered,
    people: Vec<Uuid>,
) -> Result<Planned, Outcome> {
    let refused = |error: StoreError| desk.refused(&error);
    let mut everybody: HashSet<Uuid> = people.iter().copied().collect();
    let known = opened(conn, &desk.masters, &people)
        .await
        .map_err(refused)?;
    let by_address: Vec<Uuid> = known
        .values()
        .filter_map(|named| desk.pseudonyms.of_author(named.clone(), now()))
        .map(|pseudonym| pseudonym.principal.id)
        .collect();
    let by_address = principal::find(conn, &by_address).await.map_err(refused)?;
    everybody.extend(by_address.into_iter().map(|row| row.id));
    let authors = erasure::authors_of(conn, &people).await.map_err(refused)?;
    everybody.extend(authors);
    let mut everybody: Vec<Uuid> = everybody.into_iter().collect();
    everybody.sort_unstable();
    let letters = letters(desk, conn, asked, &everybody).await?;
    Ok(Planned {
        people: everybody,
        letters,
    })
}

/// The rows that close the letters that name anybody of these.
async fn letters(
    desk: &Privacy,
    conn: &mut LedgerConnection,
    asked: &PrivacyOrdered,
    people: &[Uuid],
) -> Result<Vec<DeadLetterRow>, Outcome> {
    let refused = |error: StoreError| desk.refused(&error);
    let known = opened(conn, &desk.masters, people).await.map_err(refused)?;
    let telling: Vec<String> = known.values().flat_map(telling).collect();
    let bodies = delivery_body::naming(conn, people).await.map_err(refused)?;
    let deliveries: HashSet<Uuid> = bodies.iter().map(|body| body.delivery_id).collect();
    let open = Filter {
        state: Some("open".to_owned()),
        ..Filter::default()
    };
    let open = dead_letter::list(conn, &open, LETTERS_MAX)
        .await
        .map_err(refused)?;
    let (mut closing, at) = (Vec::new(), now());
    for letter in open {
        let death = letter.death;
        let is_theirs = match death.delivery_id {
            Some(delivery) if deliveries.contains(&delivery) => true,
            _ => names(desk, &death, &telling).await?,
        };
        if is_theirs {
            let (actor, command) = (asked.actor.to_string(), asked.command.as_uuid());
            closing.push(death.closed(DISCARDED, &actor, ERASED, command, at));
        }
    }
    Ok(closing)
}

/// Whether a letter's bytes hold any of these texts.
async fn names(desk: &Privacy, death: &DeadLetterRow, telling: &[String]) -> Result<bool, Outcome> {
    let place = death
        .dead_sequence
        .and_then(|place| u64::try_from(place).ok());
    let Some(place) = place.filter(|_| !telling.is_empty()) else {
        return Ok(false);
    };
    let found = desk.ground.bus.dead_letter(place).await;
    let found = found.map_err(|error| {
        tracing::warn!(%error, "look for the letters of a person");
        Outcome::Later(Duration::from_secs(LOOK_RETRY_SECS))
    })?;
    Ok(found.is_some_and(|letter| holds(&letter, telling)))
}

fn holds(letter: &DeadLetter, telling: &[String]) -> bool {
    let capacity = usize::try_from(FRAME_BYTES_MAX).unwrap_or(usize::MAX);
    let raw = zstd::bulk::decompress(&letter.payload, capacity);
    let bytes = raw.unwrap_or_else(|_| letter.payload.to_vec());
    let mut text = String::from_utf8_lossy(&bytes).to_lowercase();
    text.push_str(&letter.reason.to_lowercase());
    telling.iter().any(|telling| text.contains(telling))
}

/// What an erasure would do.
pub(super) async fn plan(
    conn: &mut LedgerConnection,
    planned: &Planned,
) -> Result<Value, StoreError> {
    let bodies = delivery_body::naming(conn, &planned.people).await?;
    let theirs = erasure::theirs(conn, &planned.people, now()).await?;
    Ok(json!({
        "plan": true,
        "people": planned.people,
        "raw_bodies": bodies.len(),
        "attempts": theirs.attempts,
        "snapshots": theirs.snapshots,
        "logs": theirs.logs,
        "dead_letters": planned.letters.len(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_somebody_by_what_tells_them_in_whatever_case_and_not_by_two_letters() {
        let named = Named {
            login: Some("ab".to_owned()),
            name: Some("Ada Example".to_owned()),
            email: Some("Ada@Example.org".to_owned()),
        };
        for (text, names) in [
            ("asked for by ada@example.ORG", true),
            ("on behalf of ada example, in writing", true),
            ("about a request", false),
            ("", false),
        ] {
            assert_eq!(is_named(&named, text), names, "{text}");
        }
        assert!(!is_named(&Named::default(), "anything"));
    }
}
