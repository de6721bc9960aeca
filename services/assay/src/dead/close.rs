//! Owns the orders that close dead letters: sent through the queue, in parts, each waited for.

use anyhow::bail;
use contract::command::dead_letter as order;
use contract::command::dead_letter::{DeadDiscardRequested, DeadSendBackRequested};
use contract::ids::{CommandId, DeadLetterId};
use process::exit;
use serde_json::{Value, json};
use store::dead_letter;
use store::dead_letter::Letter;

use crate::command::{Outcome, send};
use crate::context::Context;
use crate::dead::{Close, Dead, LETTERS_MAX, LetterState, shown};
use crate::say::say;

/// What is to become of the letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    SendBack,
    Discard,
}

impl Way {
    const fn done(self) -> &'static str {
        match self {
            Self::SendBack => "sent back",
            Self::Discard => "discarded",
        }
    }
}

pub(crate) async fn close(context: &Context, asked: Close, way: Way) -> anyhow::Result<u8> {
    if asked.reason.trim().is_empty() {
        bail!("a reason is missing: --reason");
    }
    if asked.reason.chars().count() > order::REASON_CHARS_MAX {
        bail!(
            "a reason has at most {} characters",
            order::REASON_CHARS_MAX
        );
    }
    if !asked.letters.is_empty() && !asked.chosen.is_everything() {
        bail!("letters are named: the options that choose some go with --all");
    }
    let mut ledger = context.reader().await?;
    let found = if asked.all {
        let filter = asked.chosen.filter(Some(LetterState::Open));
        dead_letter::list(&mut ledger, &filter, LETTERS_MAX).await?
    } else {
        let ids: Vec<_> = asked
            .letters
            .iter()
            .map(|letter| letter.as_uuid())
            .collect();
        dead_letter::find(&mut ledger, &ids).await?
    };
    if asked.plan {
        return plan(context, &asked, way, &found).await;
    }
    // Those that are named go as they are: what is wrong with one is said by who decides.
    let letters: Vec<DeadLetterId> = if asked.all {
        let ids = found.iter().map(|letter| letter.death.id);
        ids.map(DeadLetterId::from_uuid).collect()
    } else {
        asked.letters.clone()
    };
    let (mut closed, mut refused) = (Vec::new(), Vec::new());
    for part in letters.chunks(order::LETTERS_MAX) {
        match give(context, &asked, way, part).await? {
            Outcome::Accepted(result) => {
                let list = |key: &str| result[key].as_array().cloned().unwrap_or_default();
                closed.extend(list("closed"));
                refused.extend(list("refused"));
            }
            Outcome::Refused(reason) => {
                let why = |id: &DeadLetterId| json!({ "letter": id, "reason": reason });
                refused.extend(part.iter().map(why));
            }
        }
    }
    tell(&asked, way, &closed, &refused)
}

async fn plan(context: &Context, asked: &Close, way: Way, found: &[Letter]) -> anyhow::Result<u8> {
    let dead = Dead::now(&context.bus().await?).await?;
    if asked.json {
        let all: Vec<_> = found.iter().map(|letter| dead.json(letter)).collect();
        say!(
            "{}",
            serde_json::to_string_pretty(&json!({ "letters": all }))?
        );
        return Ok(exit::OK);
    }
    say!("{}", shown(found, &dead));
    say!("{} would be {}", found.len(), way.done());
    Ok(exit::OK)
}

fn tell(asked: &Close, way: Way, closed: &[Value], refused: &[Value]) -> anyhow::Result<u8> {
    if asked.json {
        let said = json!({ "closed": closed, "refused": refused });
        say!("{}", serde_json::to_string_pretty(&said)?);
    } else if closed.is_empty() && refused.is_empty() {
        say!("no open dead letter is chosen");
    } else {
        say!("{}: {}", way.done(), closed.len());
    }
    for letter in refused.iter().filter(|_| !asked.json) {
        let text = |key: &str| letter[key].as_str().unwrap_or_default().to_owned();
        eprintln!("refused: {}: {}", text("letter"), text("reason"));
    }
    Ok(if refused.is_empty() {
        exit::OK
    } else {
        exit::FAILED
    })
}

async fn give(
    context: &Context,
    asked: &Close,
    way: Way,
    letters: &[DeadLetterId],
) -> anyhow::Result<Outcome> {
    let (command, actor) = (CommandId::new(), asked.who.actor.clone());
    let (letters, reason) = (letters.to_vec(), asked.reason.clone());
    match way {
        Way::SendBack => {
            let order = DeadSendBackRequested {
                command,
                actor,
                letters,
                reason,
            };
            send(context, command, &order).await
        }
        Way::Discard => {
            let order = DeadDiscardRequested {
                command,
                actor,
                letters,
                reason,
            };
            send(context, command, &order).await
        }
    }
}
