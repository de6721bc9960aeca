//! Owns `POST /hooks/{source}`: the order of admission, and the durable publish before the answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::rejection::PathRejection;
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
use contract::time::now;
use forge::headers::Headers;
use objects::store::Objects;
use process::settings::work::Ingest;
use serde_json::json;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span};

use crate::body::{self, Limits};
use crate::budget::Budget;
use crate::lane::{Lane, Ticket};
use crate::live::Live;
use crate::notices::Notices;
use crate::problem::Problem;
use crate::publisher::Publisher;
use crate::receipt;
use crate::recent::Recent;
use crate::refused::Refused;
use crate::source::Source;
use crate::stream::{Kept, NotStored};
use crate::weigh::{Arrived, Delivery, Weighed, weigh};

/// What the requests share.
pub(crate) struct Shared {
    pub(crate) live: Arc<Live>,
    pub(crate) publisher: Publisher,
    pub(crate) recent: Recent,
    pub(crate) lane: Lane,
    pub(crate) objects: Objects,
    pub(crate) budget: Budget,
    pub(crate) limits: Limits,
    pub(crate) refused: Arc<Refused>,
    pub(crate) notices: Arc<Notices>,
    /// Bodies that are read on after their answer.
    pub(crate) lingering: TaskTracker,
}

impl Limits {
    pub(crate) fn of(settings: &Ingest) -> Self {
        Self {
            bytes_max: settings.body_bytes_max,
            time_max: Duration::from_secs(settings.body_seconds_max),
        }
    }
}

/// Receives one webhook.
pub(crate) async fn receive(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let begun = Instant::now();
    let mut stream = body.into_data_stream();
    // A request keeps the sources that it began with, whatever is read meanwhile.
    let sources = shared.live.now();
    let source = path.ok().and_then(|Path(name)| sources.get(&name));
    let answer = match &source {
        Some(source) => answer(&shared, source, &headers, &mut stream).await,
        None => Err(Problem::UnknownSource),
    };
    let word = match &answer {
        Ok((_, word, _)) => word,
        Err(problem) => problem.word(),
    };
    // An unknown source's name comes from outside: it is no label.
    let name = source
        .as_ref()
        .map_or("unknown", |known| known.name.as_str());
    metrics::counter!("assay_hooks_total", "source" => name.to_owned(), "answer" => word)
        .increment(1);
    metrics::histogram!("assay_hook_duration_seconds", "source" => name.to_owned())
        .record(begun.elapsed().as_secs_f64());
    let problem = match answer {
        Ok((status, _, json)) => return (status, Json(json)).into_response(),
        Err(problem) => problem,
    };
    tracing::debug!(source = name, problem = word, "a request was not accepted");
    shared
        .notices
        .refused(source.as_ref().map(|known| &known.name), word);
    if let (Some(source), Some(status)) = (source, problem.refusal()) {
        shared.refused.remember(&source.name, status);
    }
    if problem.is_worth_reading_on() {
        shared.lingering.spawn(body::linger(stream));
    }
    problem.into_response()
}

/// What there is not: another path, or another method.
pub(crate) async fn nothing_here() -> Problem {
    Problem::UnknownSource
}

pub(crate) async fn not_posted() -> Problem {
    Problem::Method
}

type Answer = Result<(StatusCode, &'static str, serde_json::Value), Problem>;

async fn answer(
    shared: &Shared,
    source: &Arc<Source>,
    headers: &HeaderMap,
    stream: &mut BodyDataStream,
) -> Answer {
    let raw = body::read(headers, stream, shared.limits, &shared.budget).await?;
    let arrived = Arrived {
        source: Arc::clone(source),
        headers: Headers::pick(source.provider, |name| {
            headers.get(name).map(|v| v.as_bytes())
        }),
        raw,
        received_at: now(),
    };
    let delivery = match weigh(arrived).await? {
        Weighed::Ping => return Ok((StatusCode::OK, "ping", json!({ "pong": true }))),
        Weighed::Ignored(identity) => {
            let json = json!({ "ignored": identity.event });
            return Ok((StatusCode::ACCEPTED, "ignored", json));
        }
        Weighed::Delivery(delivery) => *delivery,
    };
    let id = DeliveryId::compute(source.name.as_str(), &delivery.identity.delivery);
    // Only a signed request gets the delivery's trace: an unsigned one could claim any.
    let span = info_span!(
        "receive",
        otel.name = "POST /hooks/{source}",
        otel.kind = "server",
        http.request.method = "POST",
        http.route = "/hooks/{source}",
        http.request.body.size = delivery.bytes,
        assay.source = %source.name,
        assay.delivery.id = %id,
    );
    process::trace::root_span_with_trace_id(&span, id.trace_id());
    accept(shared, delivery, id).instrument(span).await
}

/// Stores a delivery; the receipt is given only when it is synced.
async fn accept(shared: &Shared, delivery: Delivery, id: DeliveryId) -> Answer {
    let digest = delivery.digest;
    let place = place(shared, digest, &delivery.frame).await?;
    let payload = if place == BodyPlace::Inline {
        delivery.frame
    } else {
        Bytes::new()
    };
    // Before the number: what waits for a copy holds up nobody's manifest.
    let content = (id, digest);
    let turn = shared.recent.turn(content).await;
    let ticket = shared.lane.next();
    let mut received = DeliveryReceived {
        delivery: id,
        source: delivery.source.name.clone(),
        forge_delivery: delivery.identity.delivery,
        event: delivery.identity.event,
        body_digest: digest,
        body_bytes: delivery.bytes as u64,
        body: place,
        headers: delivery.headers,
        key: delivery.key,
        received_at: delivery.received_at,
        lane: ticket.id,
        number: ticket.number,
    };
    let message_id = received.message_id();
    let mut duplicate = turn.is_none();
    if let Some(turn) = turn {
        let message = message(&received, &message_id, payload.clone())?;
        let kept = stored(shared.publisher.publish(message).await)?;
        duplicate = !settle(ticket, &received, kept);
        // When the first was received is known to whoever received it.
        turn.stored((!duplicate).then_some(received.received_at));
    }
    if duplicate {
        // Said to the ledger as well, under an id of its own: the stream keeps the first one only.
        // It brings its body again, so that even a broker that lost the first loses nothing.
        // Under a number of its own too: nothing is promised under the one before.
        let ticket = shared.lane.next();
        (received.lane, received.number) = (ticket.id, ticket.number);
        let again = format!("{message_id}:{}:{}", received.lane, received.number);
        let message = message(&received, &again, payload)?;
        let kept = stored(shared.publisher.publish(message).await)?;
        settle(ticket, &received, kept);
        let first = shared.recent.first(content);
        let json = receipt::of_repeat(id, digest, received.received_at, first);
        return Ok((StatusCode::ACCEPTED, "duplicate", json));
    }
    let json = receipt::of(id, digest, received.received_at);
    Ok((StatusCode::ACCEPTED, "accepted", json))
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

/// Tells the lane what became of a number; says whether the message is kept under it.
fn settle(ticket: Ticket, received: &DeliveryReceived, kept: Kept) -> bool {
    match kept {
        Kept::New(sequence) => ticket.stored(received.delivery, &received.source, sequence),
        Kept::Spooled => ticket.spooled(received.delivery, &received.source),
        Kept::Before(_) => return false,
    }
    true
}

fn stored(published: Result<Kept, NotStored>) -> Result<Kept, Problem> {
    published.map_err(|reason| match reason {
        NotStored::Away => Problem::Unavailable("the queue does not answer"),
        NotStored::Full => Problem::Unavailable("the queue is full"),
        NotStored::NoSpool => Problem::Unavailable("neither the queue nor the spool takes it"),
        NotStored::Refused => Problem::Unavailable("the queue refused the delivery"),
    })
}
