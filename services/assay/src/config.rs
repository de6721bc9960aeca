//! Owns `assay config check`: what each service needs of the settings, each by itself.

use clap::{Args, ValueEnum as _};
use process::exit;
use serde_json::json;

use crate::context::Context;
use crate::say::say;
use crate::service_name::ServiceName;

/// Whose settings are checked.
#[derive(Clone, Debug, Args)]
pub(crate) struct Check {
    /// These services' alone; else every service's.
    #[arg(long, value_enum)]
    service: Vec<ServiceName>,
    /// As JSON, for machines.
    #[arg(long)]
    json: bool,
}

/// Says of each service the first setting that does not hold for it; 0 when all hold. The form of
/// the whole file was judged before, when it was read.
pub(crate) fn check(context: &Context, asked: &Check) -> anyhow::Result<u8> {
    let services = match asked.service.as_slice() {
        [] => ServiceName::value_variants(),
        asked => asked,
    };
    let mut told = Vec::new();
    for service in services.iter().map(|&name| name.into()) {
        let refused = context.settings.check_for(service);
        let refused = refused.err().map(|error| error.to_string());
        if !asked.json {
            match &refused {
                None => say!("{service}: its settings hold"),
                Some(reason) => eprintln!("{service}: {reason}"),
            }
        }
        told.push((service, refused));
    }
    let ok = told.iter().all(|(_, refused)| refused.is_none());
    if asked.json {
        let services: Vec<_> = told
            .iter()
            .map(|(service, refused)| json!({ "service": service.as_str(), "refused": refused }))
            .collect();
        let all = json!({ "ok": ok, "services": services });
        say!("{}", serde_json::to_string_pretty(&all)?);
    }
    Ok(if ok { exit::OK } else { exit::BAD_SETTING })
}
