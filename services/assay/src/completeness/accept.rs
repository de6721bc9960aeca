//! Owns `assay completeness accept`: a hole that nothing can fill is given up, by an order.

use std::str::FromStr;

use contract::command::completeness::HoleAcceptRequested;
use contract::ids::CommandId;
use process::exit;
use thiserror::Error;
use uuid::Uuid;

use crate::cli::Who;
use crate::command::{Outcome, send};
use crate::context::Context;
use crate::say::say;

/// How a hole is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct HoleName {
    id: Uuid,
    number: Option<u64>,
}

/// What names no hole.
#[derive(Debug, Error)]
#[error("a hole is a delivery's id, or lane/number, as `assay completeness` lists it")]
pub(crate) struct NotAHole;

impl FromStr for HoleName {
    type Err = NotAHole;

    fn from_str(text: &str) -> Result<Self, NotAHole> {
        let (id, number) = match text.split_once('/') {
            Some((lane, number)) => (lane, Some(number.parse().map_err(|_| NotAHole)?)),
            None => (text, None),
        };
        let id = id.parse().map_err(|_| NotAHole)?;
        Ok(Self { id, number })
    }
}

pub(super) async fn accept(
    context: &Context,
    hole: HoleName,
    reason: String,
    who: Who,
) -> anyhow::Result<u8> {
    let order = HoleAcceptRequested {
        command: CommandId::new(),
        actor: who.actor,
        id: hole.id,
        number: hole.number,
        reason,
    };
    match send(context, order.command, &order).await? {
        Outcome::Accepted(result) => {
            for hole in result["holes"].as_array().into_iter().flatten() {
                say!(
                    "given up: delivery {}, number {} of lane {}",
                    hole["delivery"].as_str().unwrap_or_default(),
                    hole["number"],
                    hole["lane"].as_str().unwrap_or_default()
                );
            }
            Ok(exit::OK)
        }
        Outcome::Refused(reason) => {
            eprintln!("refused: {reason}");
            Ok(exit::FAILED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_named_by_its_delivery_or_by_lane_and_number() {
        let id = Uuid::now_v7();
        let named = |text: &str| text.parse::<HoleName>().ok();
        assert_eq!(named(&id.to_string()), Some(HoleName { id, number: None }));
        let number = Some(7);
        assert_eq!(named(&format!("{id}/7")), Some(HoleName { id, number }));
        for text in ["", "7", "x/7", &format!("{id}/"), &format!("{id}/-1")] {
            assert_eq!(named(text), None, "{text:?}");
        }
    }
}
