//! Owns the log over HTTP: `GET /log/<epoch>/…` gives the published files as C2SP `tlog-tiles` has
//! them. They are public: they hold pseudonyms and digests, and no secret is needed to read them.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use objects::log::LogFile;
use objects::store::Objects;
use tlog::tile::CHECKPOINT;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How long a checkpoint may be kept by caches: a newer one may be there after a second.
const CHECKPOINT_CACHE: &str = "public, max-age=1";
/// A full tile never changes and never goes.
const FULL_CACHE: &str = "public, max-age=31536000, immutable";
/// A partial tile never changes, and goes when the full one is there.
const PARTIAL_CACHE: &str = "public, max-age=60";

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// The routes.
fn router(objects: Objects) -> Router {
    Router::new()
        .route("/log/{epoch}/{*file}", get(give))
        .with_state(objects)
}

/// Serves the published log on `listener` until `stop`.
pub(crate) async fn serve(listener: TcpListener, objects: Objects, stop: CancellationToken) {
    let served = axum::serve(listener, router(objects)).with_graceful_shutdown({
        let stop = stop.clone();
        async move { stop.cancelled().await }
    });
    // A client that is slow to leave does not keep the process.
    tokio::select! {
        ended = served => if let Err(error) = ended {
            warn!(%error, "the log is not served any more");
        },
        () = stop.cancelled() => {}
    }
}

async fn give(
    State(objects): State<Objects>,
    Path((epoch, file)): Path<(String, String)>,
) -> Response {
    let Some((epoch, file)) = named(&epoch, &file) else {
        return (StatusCode::NOT_FOUND, "no file of a log\n").into_response();
    };
    match objects.log_file(epoch, file).await {
        Ok(Some(bytes)) => (headers(file), bytes).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "not there\n").into_response(),
        Err(error) => {
            warn!(%error, "a file of the log cannot be served");
            (StatusCode::SERVICE_UNAVAILABLE, "try again\n").into_response()
        }
    }
}

/// The file that a path names; each has one name.
fn named(epoch: &str, file: &str) -> Option<(u64, LogFile)> {
    let number: u64 = epoch.parse().ok().filter(|number| *number > 0)?;
    let file = match file {
        CHECKPOINT => LogFile::Checkpoint,
        tile => LogFile::Tile(tile.parse().ok()?),
    };
    (number.to_string() == epoch).then_some((number, file))
}

fn headers(file: LogFile) -> [(HeaderName, &'static str); 2] {
    let (content, cache) = match file {
        LogFile::Checkpoint => (TEXT, CHECKPOINT_CACHE),
        LogFile::Tile(tile) if tile.is_full() => (BYTES, FULL_CACHE),
        LogFile::Tile(_) => (BYTES, PARTIAL_CACHE),
    };
    [
        (header::CONTENT_TYPE, content),
        (header::CACHE_CONTROL, cache),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_file_or_none() {
        let tile = |text: &str| LogFile::Tile(text.parse().unwrap());
        for (epoch, file, named_file) in [
            ("1", "checkpoint", Some((1, LogFile::Checkpoint))),
            ("12", "tile/0/000", Some((12, tile("tile/0/000")))),
            (
                "1",
                "tile/entries/x001/000.p/7",
                Some((1, tile("tile/entries/x001/000.p/7"))),
            ),
            ("0", "checkpoint", None),
            ("01", "checkpoint", None),
            ("+1", "checkpoint", None),
            ("1", "", None),
            ("1", "checkpoint/", None),
            ("1", "tile/0/../000", None),
            ("1", "../identity", None),
        ] {
            assert_eq!(named(epoch, file), named_file, "{epoch} {file}");
        }
    }
}
