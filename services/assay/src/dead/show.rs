//! Owns how one dead letter is shown. Its body may hold personal data: only when it is asked for.

use std::io::Read as _;

use contract::delivery::DELIVERY_RECEIVED;
use contract::ids::DeadLetterId;
use process::exit;
use serde_json::{Value, json};
use store::dead_letter;

use bus::letter::DeadLetter;

use crate::context::Context;
use crate::dead::{Dead, harmless};
use crate::say::say;

/// Most of a body that is shown, in bytes.
const BODY_SHOWN_BYTES_MAX: u64 = 64 * 1024;

pub(crate) async fn show(
    context: &Context,
    id: DeadLetterId,
    with_body: bool,
    as_json: bool,
) -> anyhow::Result<u8> {
    let mut ledger = context.reader().await?;
    let found = dead_letter::find(&mut ledger, &[id.as_uuid()]).await?;
    let Some(letter) = found.first() else {
        eprintln!("there is no dead letter {id}: see `assay dead list`");
        return Ok(exit::FAILED);
    };
    let bus = context.bus().await?;
    let place = letter.death.dead_sequence;
    let place = place.and_then(|place| u64::try_from(place).ok());
    let kept = bus.dead_letter(place.unwrap_or(0)).await?;
    let kept = kept.filter(|kept| DeadLetterId::compute(&kept.id) == id);
    let headers: serde_json::Map<_, _> = kept
        .iter()
        .flat_map(DeadLetter::headers)
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let body = kept.as_ref().filter(|_| with_body).map(body);
    let mut said = Dead::now(&bus).await?.json(letter);
    said["has_bytes"] = json!(kept.is_some());
    said["body_bytes"] = json!(kept.as_ref().map(|kept| kept.payload.len()));
    // The same message's other deaths: before it was sent back, and after.
    let others = dead_letter::of_message(&mut ledger, &letter.death).await?;
    let others = others
        .iter()
        .filter(|other| other.death.id != letter.death.id);
    let others: Vec<_> = others
        .map(|other| json!({ "id": other.death.id, "state": other.state }))
        .collect();
    said["other_deaths"] = json!(others);
    if as_json {
        said["headers"] = json!(headers);
        if with_body {
            said["body"] = json!(body);
        }
        say!("{}", serde_json::to_string_pretty(&said)?);
        return Ok(exit::OK);
    }
    for (name, value) in said.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| plain(value), harmless);
        say!("{name:<16} {text}");
    }
    say!("headers");
    for (name, value) in &headers {
        let value = value.as_str().unwrap_or_default();
        say!("  {}: {}", harmless(name), harmless(value));
    }
    match (with_body, body) {
        (true, Some(body)) => say!("body\n{}", harmless(&body)),
        (true, None) => say!("its bytes are not in DEAD any more"),
        (false, _) => say!("its body may hold personal data: --body shows it"),
    }
    Ok(exit::OK)
}

/// A value that is no text, as people read it.
fn plain(value: &Value) -> String {
    let of_list = |item: &Value| {
        let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
        format!("{} ({})", text("id"), text("state"))
    };
    match value {
        Value::Null => "-".to_owned(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(of_list).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The body as text: a delivery's decompressed, everything cut where it is too long.
fn body(letter: &DeadLetter) -> String {
    let mut bytes = Vec::new();
    let read = match letter.header("ce-type") {
        Some(DELIVERY_RECEIVED) => zstd::Decoder::new(&letter.payload[..])
            .and_then(|frame| frame.take(BODY_SHOWN_BYTES_MAX + 1).read_to_end(&mut bytes)),
        _ => (&letter.payload[..])
            .take(BODY_SHOWN_BYTES_MAX + 1)
            .read_to_end(&mut bytes),
    };
    let is_whole = bytes.len() as u64 <= BODY_SHOWN_BYTES_MAX;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if let Err(error) = read {
        text.push_str(&format!("\n(it cannot be read further: {error})"));
    } else if !is_whole {
        text.push_str("\n(it is longer)");
    }
    text
}
