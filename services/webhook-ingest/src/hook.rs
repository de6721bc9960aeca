//! Owns `POST /hooks/{source}`: the order of admission, and the durable publish before the answer.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bus::outgoing::Outgoing;
use bytes::Bytes;
use contract::delivery::{
    BodyPlace, DELIVERY_HEADER, DELIVERY_RECEIVED, DeliveryReceived, INLINE_BYTES_MAX,
};
use contract::digest::Digest;
use contract::ids::DeliveryId;
use contract::time::{Timestamp, now};
use forge::headers::Headers;
use forge::identity::Identity;
use objects::store::Objects;
use serde_json::json;
use tracing::{Instrument, info_span};

use crate::admit::{Admitted, admit};
use crate::lane::Lane;
use crate::problem::Problem;
use crate::publisher::{NotStored, Publisher};
use crate::recent::Recent;
use crate::source::{Source, Sources};
use crate::{body, receipt};

/// What the requests share.
pub(crate) struct Shared {
    pub(crate) sources: Sources,
    pub(crate) publisher: Publisher,
    pub(crate) recent: Recent,
    pub(crate) lane: Lane,
    pub(crate) objects: Objects,
    pub(crate) body_bytes_max: usize,
}

/// A signed delivery on its way to be stored.
struct Delivery<'a> {
    source: &'a Source,
    headers: Headers,
    identity: Identity,
    key: String,
    raw: Bytes,
    received_at: Timestamp,
}

/// Receives one webhook.
pub(crate) async fn receive(
    State(shared): State<Arc<Shared>>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = answer(&shared, &source, &headers, body).await;
    let (status, word) = match &answer {
        Ok((status, word, _)) => (*status, *word),
        Err(problem) => (StatusCode::default(), problem.word()),
    };
    // An unknown source's name comes from outside: it is no label.
    let source = shared
        .sources
        .get(&source)
        .map_or("unknown", |known| known.name.as_str());
    metrics::counter!("assay_hooks_total", "source" => source.to_owned(), "answer" => word)
        .increment(1);
    match answer {
        Ok((_, _, json)) => (status, Json(json)).into_response(),
        Err(problem) => {
            tracing::debug!(source, problem = word, "a request was not accepted");
            problem.into_response()
        }
    }
}

type Answer = Result<(StatusCode, &'static str, serde_json::Value), Problem>;

async fn answer(shared: &Shared, source: &str, headers: &HeaderMap, body: Body) -> Answer {
    let source = shared.sources.get(source).ok_or(Problem::UnknownSource)?;
    let raw = body::read(headers, body, shared.body_bytes_max).await?;
    let received_at = now();
    let headers = Headers::pick(source.provider, |name| {
        headers.get(name).map(|v| v.as_bytes())
    });
    let (identity, key) = match admit(source, &headers, &raw, received_at)? {
        Admitted::Ping => return Ok((StatusCode::OK, "ping", json!({ "pong": true }))),
        Admitted::Ignored(identity) => {
            let json = json!({ "ignored": identity.event });
            return Ok((StatusCode::ACCEPTED, "ignored", json));
        }
        Admitted::Delivery { identity, key } => (identity, key),
    };
    metrics::counter!(
        "assay_hook_keys_total", "source" => source.name.to_string(), "key" => key.clone()
    )
    .increment(1);
    let id = DeliveryId::compute(source.name.as_str(), &identity.delivery);
    // Only a signed request gets the delivery's trace: an unsigned one could claim any.
    let span = info_span!(
        "receive",
        otel.name = "POST /hooks/{source}",
        otel.kind = "server",
        http.request.method = "POST",
        http.route = "/hooks/{source}",
        http.request.body.size = raw.len(),
        assay.source = %source.name,
        assay.delivery.id = %id,
    );
    process::trace::root_span_with_trace_id(&span, id.trace_id());
    let delivery = Delivery {
        source,
        headers,
        identity,
        key,
        raw,
        received_at,
    };
    accept(shared, delivery, id).instrument(span).await
}

/// Stores a delivery; the receipt is given only when it is synced.
async fn accept(shared: &Shared, delivery: Delivery<'_>, id: DeliveryId) -> Answer {
    let digest = Digest::of(&delivery.raw);
    let frame = body::compress(delivery.raw.clone())
        .await
        .map_err(|_| Problem::Unavailable("the body could not be compressed"))?;
    let place = place(shared, digest, &frame).await?;
    let payload = if place == BodyPlace::Inline {
        frame
    } else {
        Bytes::new()
    };
    let mut received = DeliveryReceived {
        delivery: id,
        source: delivery.source.name.clone(),
        forge_delivery: delivery.identity.delivery,
        event: delivery.identity.event,
        body_digest: digest,
        body_bytes: delivery.raw.len() as u64,
        body: place,
        headers: delivery.headers.into_map(),
        key: delivery.key,
        received_at: delivery.received_at,
        lane: shared.lane.id(),
        number: shared.lane.next(),
    };
    let message_id = received.message_id();
    let mut duplicate = shared.recent.holds(&message_id);
    if !duplicate {
        let message = message(&received, &message_id, payload.clone())?;
        duplicate = stored(shared.publisher.publish(message_id.clone(), message).await)?;
        shared.recent.remember(message_id.clone());
    }
    if duplicate {
        // Said to the ledger as well, under an id of its own: the stream keeps the first one only.
        // It brings its body again, so that even a broker that lost the first loses nothing.
        received.number = shared.lane.next();
        let again = format!("{message_id}:{}:{}", received.lane, received.number);
        let message = message(&received, &again, payload)?;
        stored(shared.publisher.publish(again, message).await)?;
    }
    let word = if duplicate { "duplicate" } else { "accepted" };
    let json = receipt::of(id, digest, received.received_at, duplicate);
    Ok((StatusCode::ACCEPTED, word, json))
}

/// A body too large for a message goes to the object store, and the message names it.
async fn place(shared: &Shared, digest: Digest, frame: &Bytes) -> Result<BodyPlace, Problem> {
    if frame.len() <= INLINE_BYTES_MAX {
        return Ok(BodyPlace::Inline);
    }
    match shared
        .objects
        .put_delivery_body(digest, frame.clone())
        .await
    {
        Ok(()) => Ok(BodyPlace::Object),
        Err(error) => {
            tracing::warn!(%error, "a large body could not be stored");
            Err(Problem::Unavailable("the object store is away"))
        }
    }
}

fn message(received: &DeliveryReceived, id: &str, payload: Bytes) -> Result<Outgoing, Problem> {
    let made = || {
        let mut message =
            Outgoing::raw(SERVICE, DELIVERY_RECEIVED, received.subject(), id, payload)?;
        let json = serde_json::to_string(received).map_err(bus::error::PublishError::Encode)?;
        message.set(DELIVERY_HEADER, &json)?;
        Ok::<_, bus::error::PublishError>(message)
    };
    made().map_err(|error| Problem::Malformed(error.to_string()))
}

/// The service's name on the bus.
pub(crate) const SERVICE: &str = "webhook-ingest";

fn stored(published: Result<bool, NotStored>) -> Result<bool, Problem> {
    published.map_err(|reason| match reason {
        NotStored::Away => Problem::Unavailable("the queue does not answer"),
        NotStored::Full => Problem::Unavailable("the queue is full"),
        NotStored::Refused => Problem::Unavailable("the queue refused the delivery"),
    })
}
