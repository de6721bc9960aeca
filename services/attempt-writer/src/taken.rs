//! Owns a delivery as it was taken from the queue: decompressed, held against its digest, parsed.

mod ref_found;

use std::cell::RefCell;

use bus::consume::Outcome;
use bus::incoming::Incoming;
use contract::delivery::{
    BodyPlace, DELIVERY_HEADER, DELIVERY_RECEIVED, DeliveryReceived, REF_FOUND,
};
use contract::digest::Digest;
use contract::name::Repository;
use forge::body::json_of;
use forge::headers::Headers;
use forge::identity::{EventKind, identify};
use forge::provider::Provider;
use forge::push::Push;
use objects::store::ObjectsError;
use process::settings::Settings;
use process::settings::work::BODY_BYTES;
use store::delivery_body;
use tracing::Span;
use zstd::bulk::Decompressor;

use crate::bodies;
use crate::deliveries::Deliveries;

/// Largest body, in bytes: the most that a source's cap can be set to.
const BODY_BYTES_MAX: usize = BODY_BYTES.1;
/// Largest compressed body, in bytes: what cannot be compressed grows a little.
pub(crate) const FRAME_BYTES_MAX: u64 = BODY_BYTES_MAX as u64 + 1024 * 1024;

thread_local! {
    /// What bodies are decompressed with: it takes longer to make one than to use it.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A delivery that can be recorded.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) received: DeliveryReceived,
    /// The zstd frame, where it came with the message and is to be kept in the ledger.
    pub(crate) frame: Option<Vec<u8>>,
    /// One for each ref; none when the event is no push.
    pub(crate) pushed: Vec<Pushed>,
    pub(crate) span: Span,
}

/// What a push event says.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) provider: Provider,
    pub(crate) repository: Repository,
    pub(crate) push: Push,
}

/// Reads a delivery out of a message.
///
/// # Errors
/// What becomes of the message instead: tried again when its body could not be fetched, a dead
/// letter when it can never be read.
pub(crate) async fn take(incoming: &Incoming, desk: &Deliveries) -> Result<Taken, Outcome> {
    let received = header(incoming).map_err(Outcome::Never)?;
    let frame = frame(incoming, &received, desk).await?;
    let raw = decompress(&frame, received.body_bytes).map_err(Outcome::Never)?;
    if Digest::of(&raw) != received.body_digest {
        return Err(Outcome::Never(
            "the body is not the one its digest names".to_owned(),
        ));
    }
    let pushed = pushed(&received, &raw, &desk.settings).map_err(Outcome::Never)?;
    let keep = received.body == BodyPlace::Inline;
    Ok(Taken {
        received,
        frame: keep.then_some(frame),
        pushed,
        span: incoming.span().clone(),
    })
}

fn header(incoming: &Incoming) -> Result<DeliveryReceived, String> {
    let kind = incoming.header("ce-type").unwrap_or_default();
    if kind != DELIVERY_RECEIVED {
        return Err(format!(
            "the message is of kind {kind:?}, not {DELIVERY_RECEIVED:?}"
        ));
    }
    let text = incoming
        .header(DELIVERY_HEADER)
        .ok_or_else(|| format!("the header {DELIVERY_HEADER} is missing"))?;
    let received: DeliveryReceived =
        serde_json::from_str(text).map_err(|error| format!("decode {DELIVERY_HEADER}: {error}"))?;
    if incoming.subject != received.subject() {
        return Err("the delivery names another source than its subject".to_owned());
    }
    Ok(received)
}

async fn frame(
    incoming: &Incoming,
    received: &DeliveryReceived,
    desk: &Deliveries,
) -> Result<Vec<u8>, Outcome> {
    match received.body {
        BodyPlace::Inline => Ok(incoming.payload.to_vec()),
        BodyPlace::Object => object(received, desk).await,
        BodyPlace::Ledger => kept(received, desk).await,
    }
}

/// The ledger's own copy.
async fn kept(received: &DeliveryReceived, desk: &Deliveries) -> Result<Vec<u8>, Outcome> {
    let found = async {
        let mut conn = desk.ground.store.connection().await?;
        let digest = received.body_digest.to_string();
        match delivery_body::find(&mut conn, received.delivery, &digest).await? {
            Some(row) => Ok(Some(row)),
            // The forge may have sent the same body under another id.
            None => delivery_body::with_digest(&mut conn, &digest).await,
        }
    };
    let found = found
        .await
        .map_err(|error| desk.ground.ledger_refused(&error))?;
    let frame = bodies::frame(desk, found).await?;
    frame.ok_or_else(|| Outcome::Never("the ledger has no such body".to_owned()))
}

async fn object(received: &DeliveryReceived, desk: &Deliveries) -> Result<Vec<u8>, Outcome> {
    let came = desk
        .objects
        .get_delivery_body(received.body_digest, FRAME_BYTES_MAX);
    match came.await {
        Ok(frame) => Ok(frame.to_vec()),
        Err(missing @ ObjectsError::Missing { .. }) => match kept(received, desk).await {
            // It was taken in before, and lies sealed since.
            Ok(frame) => Ok(frame),
            Err(Outcome::Never(_)) => Err(desk.objects_refused(&missing)),
            Err(outcome) => Err(outcome),
        },
        Err(error) => Err(desk.objects_refused(&error)),
    }
}

/// Decompresses a frame of at most `bytes` bytes. The number comes with the message, and room is
/// made for it before the frame is read: one beyond any body of ours is not believed.
fn decompress(frame: &[u8], bytes: u64) -> Result<Vec<u8>, String> {
    let capacity = usize::try_from(bytes)
        .ok()
        .filter(|capacity| *capacity <= BODY_BYTES_MAX)
        .ok_or_else(|| format!("the body is larger than {BODY_BYTES_MAX} bytes"))?;
    let bad = |error: &std::io::Error| format!("decompress the body: {error}");
    // A frame that says how large it is needs no more room than that.
    let said = zstd::zstd_safe::get_frame_content_size(frame)
        .ok()
        .flatten();
    let said = said.and_then(|bytes| usize::try_from(bytes).ok());
    let capacity = said.map_or(capacity, |bytes| bytes.min(capacity));
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(kept) => kept,
            None => kept.insert(Decompressor::new().map_err(|error| bad(&error))?),
        };
        let raw = decompressor.decompress(frame, capacity);
        raw.map_err(|error| bad(&error))
    })
}

fn pushed(
    received: &DeliveryReceived,
    raw: &[u8],
    settings: &Settings,
) -> Result<Vec<Pushed>, String> {
    let Some(source) = settings.source(&received.source) else {
        return Err(format!("no source {} is configured here", received.source));
    };
    if received.event == REF_FOUND {
        return Ok(vec![ref_found::read(received, raw, source.provider)?]);
    }
    let headers = Headers::from_map(received.headers.clone());
    let json = json_of(headers.content_type(), raw).map_err(|error| error.to_string())?;
    let identity = identify(source.provider, &headers, raw).map_err(|error| error.to_string())?;
    if identity.kind != EventKind::Push {
        return Ok(Vec::new());
    }
    let pushes = forge::push::read(source.provider, &json)
        .map_err(|error| format!("read the push: {error}"))?;
    let pushed = |push: Push| {
        let repository = Repository::new(&received.source, &push.repository)
            .map_err(|error| error.to_string())?;
        Ok(Pushed {
            provider: source.provider,
            repository,
            push,
        })
    };
    pushes.into_iter().map(pushed).collect()
}
