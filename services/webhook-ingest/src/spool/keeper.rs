//! Owns the way from async tasks to the spool's files: one at a time, off the async threads.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::spool::segments::Segments;
use crate::spool::status::Status;

/// The spool's files, and what they hold. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    segments: Arc<Mutex<Segments>>,
    status: watch::Sender<Status>,
}

impl Keeper {
    pub(crate) fn new(segments: Segments) -> Self {
        Self {
            status: watch::Sender::new(segments.status()),
            segments: Arc::new(Mutex::new(segments)),
        }
    }

    /// Follows what the spool holds.
    pub(crate) fn watch(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Does something with the files, after whatever else is being done with them.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Segments) -> T + Send + 'static,
    ) -> T {
        let segments = Arc::clone(&self.segments);
        let blocking = move || {
            let mut segments = segments.lock().unwrap_or_else(PoisonError::into_inner);
            (work(&mut segments), segments.status())
        };
        let done = tokio::task::spawn_blocking(blocking).await;
        let (done, status) = done.expect("what is done with the files does not panic");
        self.status.send_if_modified(|old| {
            let changed = *old != status;
            *old = status;
            changed
        });
        done
    }
}
