//! Owns `assay dead`: look at dead letters, send them back, let them be.

mod close;
mod show;

use bus::connect::Bus;
use clap::{Args, Subcommand, ValueEnum};
use contract::ids::{DeadLetterId, DeliveryId};
use contract::time::to_text;
use process::exit;
use serde_json::{Value, json};
use store::dead_letter::{self, Filter, Letter};

use crate::cli::Who;
use crate::context::Context;
use crate::moment::Moment;
use crate::say::say;
use crate::table::table;

/// Most letters that are listed, or closed by one order.
const LETTERS_MAX: i64 = 10_000;
/// Characters of a reason that a table shows.
const REASON_SHOWN_MAX: usize = 60;

/// What `assay dead` is asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadOrder {
    /// Messages that died, the oldest first, and what became of them.
    List {
        #[command(flatten)]
        chosen: Chosen,
        /// Only those in this state.
        #[arg(long, value_enum)]
        state: Option<LetterState>,
        /// As JSON, for machines.
        #[arg(long)]
        json: bool,
    },
    /// One letter: why, its history, its headers.
    Show {
        /// The letter, as `assay dead list` names it.
        letter: DeadLetterId,
        /// Its body as well, which may hold personal data.
        #[arg(long)]
        body: bool,
        /// As JSON, for machines.
        #[arg(long)]
        json: bool,
    },
    /// Put dead messages back into their queues, once what they died of is mended.
    SendBack(Close),
    /// Decide that dead messages stay dead. Their bytes are removed; their rows stay.
    Discard(Close),
}

/// Which letters.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// Those that were in this stream.
    #[arg(long)]
    stream: Option<String>,
    /// Those that this consumer gave up.
    #[arg(long)]
    consumer: Option<String>,
    /// Those whose reason of death has this text in it.
    #[arg(long, value_name = "TEXT")]
    died_of: Option<String>,
    /// Those of this delivery.
    #[arg(long)]
    delivery: Option<DeliveryId>,
    /// Those that died since: 36h, 2d, or a time.
    #[arg(long)]
    since: Option<Moment>,
}

/// Letters that are closed, and why.
#[derive(Debug, Args)]
pub(crate) struct Close {
    /// The letters, as `assay dead list` names them.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    letters: Vec<DeadLetterId>,
    /// All open ones, or those of them that the other options choose.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    chosen: Chosen,
    /// Why, for the record; no personal data.
    #[arg(long)]
    reason: String,
    /// Only show which; change nothing.
    #[arg(long)]
    plan: bool,
    /// As JSON, for machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    who: Who,
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LetterState {
    Open,
    SentBack,
    Discarded,
}

impl LetterState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::SentBack => dead_letter::SENT_BACK,
            Self::Discarded => dead_letter::DISCARDED,
        }
    }
}

impl Chosen {
    fn filter(&self, state: Option<LetterState>) -> Filter {
        Filter {
            stream: self.stream.clone(),
            consumer: self.consumer.clone(),
            reason: self.died_of.clone(),
            since: self.since.map(|moment| moment.0),
            state: state.map(|state| state.as_str().to_owned()),
            delivery: self.delivery.map(DeliveryId::as_uuid),
        }
    }

    /// Whether nothing is chosen.
    fn is_everything(&self) -> bool {
        let Self {
            stream,
            consumer,
            died_of,
            delivery,
            since,
        } = self;
        stream.is_none()
            && consumer.is_none()
            && died_of.is_none()
            && delivery.is_none()
            && since.is_none()
    }
}

pub(crate) async fn dead(context: &Context, order: DeadOrder) -> anyhow::Result<u8> {
    match order {
        DeadOrder::List {
            chosen,
            state,
            json,
        } => list(context, &chosen.filter(state), json).await,
        DeadOrder::Show { letter, body, json } => show::show(context, letter, body, json).await,
        DeadOrder::SendBack(asked) => close::close(context, asked, close::Way::SendBack).await,
        DeadOrder::Discard(asked) => close::close(context, asked, close::Way::Discard).await,
    }
}

async fn list(context: &Context, filter: &Filter, as_json: bool) -> anyhow::Result<u8> {
    let mut ledger = context.reader().await?;
    let letters = dead_letter::list(&mut ledger, filter, LETTERS_MAX).await?;
    let bus = context.bus().await?;
    let dead = Dead::now(&bus).await?;
    if as_json {
        let all: Vec<_> = letters.iter().map(|letter| dead.json(letter)).collect();
        let unrecorded = dead.unrecorded;
        let said = json!({ "letters": all, "unrecorded": unrecorded });
        say!("{}", serde_json::to_string_pretty(&said)?);
        return Ok(exit::OK);
    }
    if letters.is_empty() {
        say!("no dead letters");
    } else {
        say!("{}", shown(&letters, &dead));
    }
    if dead.unrecorded > 0 {
        say!(
            "{} more wait until attempt-writer records them",
            dead.unrecorded
        );
    }
    Ok(exit::OK)
}

/// What the stream of dead letters holds now.
struct Dead {
    first: u64,
    last: u64,
    unrecorded: u64,
}

impl Dead {
    async fn now(bus: &Bus) -> anyhow::Result<Self> {
        let streams = bus.stream_states().await?;
        let consumers = bus.consumer_states().await?;
        let dead = streams.iter().find(|s| s.name == bus::dead::STREAM);
        let recorder = consumers.iter().find(|c| c.stream == bus::dead::STREAM);
        Ok(Self {
            first: dead.map_or(0, |dead| dead.first_sequence),
            last: dead.map_or(0, |dead| dead.last_sequence),
            unrecorded: recorder.map_or(0, |recorder| recorder.waiting + recorder.unacked),
        })
    }

    /// Whether the letter's bytes are there still: those of a letter that was decided on are
    /// removed, and those of an open one when their time ends.
    fn keeps(&self, letter: &Letter) -> bool {
        if letter.state != LetterState::Open.as_str() {
            return false;
        }
        let place = letter.death.dead_sequence;
        let place = place.and_then(|place| u64::try_from(place).ok());
        place.is_some_and(|place| (self.first..=self.last).contains(&place))
    }

    fn json(&self, letter: &Letter) -> Value {
        let Letter {
            death,
            state,
            closed_by,
            closed_reason,
            closed_at,
        } = letter;
        json!({
            "id": death.id,
            "state": state,
            "stream": death.stream,
            "consumer": death.consumer,
            "subject": death.subject,
            "message_id": death.message_id,
            "delivery_id": death.delivery_id,
            "reason": death.reason,
            "last_failure": death.last_failure,
            "deliveries": death.deliveries,
            "renewals": death.renewals,
            "first_stored_at": death.first_stored_at.map(to_text),
            "died_at": death.died_at.map(to_text),
            "recorded_at": to_text(death.recorded_at),
            "has_bytes": self.keeps(letter),
            "closed_by": closed_by,
            "closed_reason": closed_reason,
            "closed_at": closed_at.map(to_text),
        })
    }
}

fn shown(letters: &[Letter], dead: &Dead) -> comfy_table::Table {
    let mut shown = table(&["letter", "died", "consumer", "state", "bytes", "reason"]);
    for letter in letters {
        let death = &letter.death;
        let reason: String = death.reason.chars().take(REASON_SHOWN_MAX).collect();
        shown.add_row([
            death.id.to_string(),
            death.died_at.map(to_text).unwrap_or_default(),
            format!("{} {}", death.stream, death.consumer),
            letter.state.clone(),
            if dead.keeps(letter) { "kept" } else { "gone" }.to_owned(),
            harmless(&reason),
        ]);
    }
    shown
}

/// Text of strangers without what a terminal would obey.
fn harmless(text: &str) -> String {
    let seen = |c: char| {
        if c.is_control() && c != '\n' && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars().map(seen).collect()
}
