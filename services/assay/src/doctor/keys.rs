//! Looks at the log's keys: whether they read, sign for this log, and fit what is pinned.

use auditor::keys::Keys;
use process::settings::Settings;
use process::settings::service::Service;

use crate::doctor::finding::Finding;
use crate::doctor::machine::chain;

const CHECK: &str = "log.keys";

/// Looks at the keys where the auditor is asked for.
pub(super) fn look(settings: &Settings, services: &[Service]) -> Vec<Finding> {
    if !services.contains(&Service::Auditor) {
        return Vec::new();
    }
    vec![keys(settings)]
}

fn keys(settings: &Settings) -> Finding {
    let mend = "let log.signing_key_file name the key that `assay keys` made for this log.origin, \
                and log.verifier_key_file its other half";
    let refused = |error: &dyn std::error::Error| Finding::bad(CHECK, chain(error), mend);
    if settings.log.signing_key_file.is_none() {
        let said = "log.signing_key_file is not set: leaves are written, and not signed";
        return Finding::warning(CHECK, said, mend);
    }
    let (signing, next, verifying) = match (
        settings.log_signing_key(),
        settings.log_next_signing_key(),
        settings.log_verifier_key(),
    ) {
        (Ok(signing), Ok(next), Ok(verifying)) => (signing, next, verifying),
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => return refused(&error),
    };
    let Some(signing) = signing.expose_str() else {
        return Finding::bad(CHECK, "the signing key is no text", mend);
    };
    let next = next.as_ref().and_then(|next| next.expose_str());
    let origin = &settings.log.origin;
    match Keys::read(origin, signing, next, verifying.as_deref()) {
        Ok(_) if verifying.is_none() => {
            let said = "nothing is pinned: a key that was exchanged would not be noticed";
            let mend = "set log.verifier_key_file, and keep a copy of it elsewhere";
            Finding::warning(CHECK, said, mend)
        }
        Ok(_) => Finding::good(
            CHECK,
            format!("they sign for {origin}, and fit what is pinned"),
        ),
        Err(error) => refused(&error),
    }
}
