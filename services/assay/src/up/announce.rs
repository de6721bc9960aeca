//! Owns what `assay up` says once it is ready: where it answers, and how to send it a push.

use std::path::Path;

use process::settings::Settings;
use process::settings::postgres::Role;

use crate::say::say;
use crate::up::house::Endpoints;

/// Says where the house answers.
pub(crate) fn ready(settings: &Settings, endpoints: &Endpoints, data: &Path) {
    let Endpoints { hooks, health } = endpoints;
    let ledger = settings
        .postgres_url(Role::Reader)
        .ok()
        .and_then(|url| url.expose_str().map(str::to_owned))
        .unwrap_or_default();
    say!("\nAssay is up.\n");
    for (name, source) in &settings.sources {
        say!(
            "  webhooks   http://{hooks}/hooks/{name}   ({})",
            source.provider
        );
        for secret in &source.secrets {
            if let Some(file) = &secret.file {
                say!("  secret     {}   ({})", file.display(), secret.name);
            }
        }
        say!("  fetches    {}", source.fetch_url);
    }
    say!("  health     http://{health}/live  /ready  /metrics");
    say!("  ledger     psql '{ledger}'");
    say!("  data       {}", data.display());
    let Some((name, source)) = settings.sources.iter().next() else {
        return;
    };
    let secret = source
        .secrets
        .iter()
        .find_map(|secret| secret.file.as_ref());
    let secret = secret.map_or("<the secret's file>".to_owned(), |f| {
        f.display().to_string()
    });
    say!(
        "
What next (in another terminal; add --data {} where it is not the default):

  assay lab publish <git url or path>
  assay session open --lab <lab> --repository {name}:<owner>/<name>
  assay status

A forge's webhook goes to the address above. By hand, with the body in push.json:

  signature=$(openssl dgst -sha256 -hmac \"$(cat {secret})\" -r push.json | cut -d' ' -f1)
  curl -i http://{hooks}/hooks/{name} --data-binary @push.json \\
    -H 'content-type: application/json' -H 'x-github-event: push' \\
    -H \"x-github-delivery: by-hand-$(date +%s)\" -H \"x-hub-signature-256: sha256=$signature\"

Ctrl-C ends everything; what was accepted is kept.",
        data.display(),
    );
}
