//! Owns `assay session`: open.

use contract::command::SessionOpenRequested;
use contract::ids::CommandId;
use process::exit;

use crate::cli::SessionOrder;
use crate::command::{Outcome, send};
use crate::context::Context;
use crate::say::say;

pub(crate) async fn session(context: &Context, order: SessionOrder) -> anyhow::Result<u8> {
    let SessionOrder::Open {
        lab,
        repository,
        starting,
        who,
    } = order;
    let command = CommandId::new();
    let order = SessionOpenRequested {
        command,
        actor: who.actor,
        lab,
        repository,
        starting,
    };
    match send(context, command, &order).await? {
        Outcome::Accepted(result) => {
            say!(
                "accepted: session {} of {} version {} for {}",
                result["session"].as_str().unwrap_or_default(),
                order.lab,
                result["lab_version"],
                order.repository,
            );
            Ok(exit::OK)
        }
        Outcome::Refused(reason) => {
            eprintln!("refused: {reason}");
            Ok(exit::FAILED)
        }
    }
}
