//! Owns `assay replay`: a verification is run again from what is kept of it, once or several times,
//! and what came of it is told. Its attempt's result stays what it is.

use clap::Args;
use contract::command::replay::ReplayRequested;
use contract::ids::{CommandId, VerificationId};
use process::exit;
use serde_json::{Value, json};

use crate::cli::Who;
use crate::command::{self, Outcome};
use crate::context::Context;
use crate::say::say;

/// Most replays of one order.
const TIMES_MAX: u32 = 100;

/// What is run again, and how often.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The verification, by its id: `assay trace` shows it.
    verification: VerificationId,
    /// How often.
    #[arg(long, default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(TIMES_MAX)))]
    times: u32,
    /// As JSON, for machines.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    who: Who,
}

/// What all replays together say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    /// Each came out as before.
    Agrees,
    /// None came out as before.
    Differs,
    /// Some did.
    Flaky,
}

impl Verdict {
    fn of(agreeing: usize, replays: usize) -> Self {
        match agreeing {
            0 => Self::Differs,
            all if all == replays => Self::Agrees,
            _ => Self::Flaky,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Differs => "differs",
            Self::Flaky => "flaky",
        }
    }
}

pub(crate) async fn replay(context: &Context, asked: Replay) -> anyhow::Result<u8> {
    let mut replays: Vec<Value> = Vec::new();
    for number in 1..=asked.times {
        let order = ReplayRequested {
            command: CommandId::new(),
            actor: asked.who.actor.clone(),
            verification: asked.verification,
        };
        match command::send(context, order.command, &order).await? {
            Outcome::Refused(reason) => {
                eprintln!("refused: {reason}");
                return Ok(exit::FAILED);
            }
            Outcome::Accepted(replay) => {
                if !asked.json {
                    tell(number, &replay);
                }
                replays.push(replay);
            }
        }
    }
    let agreeing = replays.iter().filter(|replay| replay["agrees"] == true);
    let agreeing = agreeing.count();
    let verdict = Verdict::of(agreeing, replays.len());
    if asked.json {
        let told = json!({
            "verification": asked.verification,
            "verdict": verdict.as_str(),
            "times": replays.len(),
            "agreeing": agreeing,
            "replays": replays,
        });
        say!("{}", serde_json::to_string_pretty(&told)?);
    } else {
        say!(
            "{}: {agreeing} of {} came out as before",
            verdict.as_str(),
            replays.len()
        );
    }
    let is_reproduced = verdict == Verdict::Agrees;
    Ok(if is_reproduced {
        exit::OK
    } else {
        exit::FAILED
    })
}

fn tell(number: u32, replay: &Value) {
    let text = |name: &str| replay[name].as_str().unwrap_or("?").to_owned();
    let word = if replay["agrees"] == true {
        "agrees"
    } else {
        "differs"
    };
    say!(
        "replay {number}  {word}  {}, {} of {} points",
        text("result"),
        replay["points"],
        replay["points_max"]
    );
    for difference in replay["differences"].as_array().into_iter().flatten() {
        say!("    {}", difference.as_str().unwrap_or_default());
    }
    if replay["same_box"] == false || replay["same_tools"] == false {
        say!("    it was made by another box or other tools than run it now");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_of_several_that_agree_are_flaky() {
        for (agreeing, replays, verdict) in [
            (1, 1, Verdict::Agrees),
            (0, 1, Verdict::Differs),
            (3, 3, Verdict::Agrees),
            (2, 3, Verdict::Flaky),
            (0, 3, Verdict::Differs),
        ] {
            assert_eq!(Verdict::of(agreeing, replays), verdict);
        }
    }
}
