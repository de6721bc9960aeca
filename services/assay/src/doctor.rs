//! Owns `assay doctor`: whether this machine, the servers and the settings will do, each failure
//! with what to do. It changes nothing but a probe object and a scratch folder.

mod broker;
mod finding;
mod keys;
mod ledger;
mod machine;
mod wires;

use clap::{Args, ValueEnum as _};
use process::exit;
use process::settings::service::Service;
use serde_json::json;

use crate::context::Context;
use crate::doctor::finding::{Finding, State};
use crate::say::say;
use crate::service_name::ServiceName;

/// What the doctor looks at.
#[derive(Clone, Debug, Args)]
pub(crate) struct Doctor {
    /// Look at what these services need alone; else at what all do.
    #[arg(long, value_enum)]
    service: Vec<ServiceName>,
    /// As JSON, for machines.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Whose needs are looked at.
    fn services(&self) -> Vec<Service> {
        let asked = match self.service.as_slice() {
            [] => ServiceName::value_variants(),
            asked => asked,
        };
        asked.iter().map(|&name| name.into()).collect()
    }
}

/// Looks at everything, and says it; 0 when nothing is bad.
pub(crate) async fn doctor(context: &Context, asked: &Doctor) -> anyhow::Result<u8> {
    let services = asked.services();
    let settings = &context.settings;
    let mut findings = Vec::new();
    let mut add = |found: Vec<Finding>| {
        tell(asked, &found);
        findings.extend(found);
    };
    add(machine::settings(settings, &services));
    add(keys::look(settings, &services));
    add(wires::look(settings));
    add(broker::look(settings, &services).await);
    add(ledger::look(settings, &services).await);
    add(machine::look(settings, &services).await);
    let count = |state: State| findings.iter().filter(|found| found.state == state).count();
    let (bad, warnings) = (count(State::Bad), count(State::Warning));
    if asked.json {
        let told = json!({ "ok": bad == 0, "checks": findings });
        say!("{}", serde_json::to_string_pretty(&told)?);
    } else if bad == 0 {
        say!("\nnothing is wrong; {warnings} warnings");
    } else {
        say!("\n{bad} wrong, {warnings} warnings");
    }
    Ok(if bad == 0 { exit::OK } else { exit::FAILED })
}

/// Says what was found as soon as it is known; JSON is said at the end.
fn tell(asked: &Doctor, findings: &[Finding]) {
    if asked.json {
        return;
    }
    for found in findings {
        say!("{:8} {:18} {}", found.state, found.check, found.said);
        if let Some(mend) = &found.mend {
            say!("{:27} → {mend}", "");
        }
    }
}
